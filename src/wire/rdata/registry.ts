import { a } from './a.ts';
import { a6 } from './a6.ts';
import { aaaa } from './aaaa.ts';
import { afsdb } from './afsdb.ts';
import { amtrelay } from './amtrelay.ts';
import { apl } from './apl.ts';
import { caa } from './caa.ts';
import { cname } from './cname.ts';
import { dname } from './dname.ts';
import { cdnskey, dnskey } from './dnskey.ts';
import { doa } from './doa.ts';
import { cds, dlv, ds, ta } from './ds.ts';
import { dsync } from './dsync.ts';
import { eui48, eui64 } from './eui.ts';
import { gpos } from './gpos.ts';
import { hinfo } from './hinfo.ts';
import { hip } from './hip.ts';
import { l32, l64, lp, nid } from './ilnp.ts';
import { ipseckey } from './ipseckey.ts';
import { key, rkey } from './key.ts';
import { loc } from './loc.ts';
import { mb, md, mf, mg, minfo, mr } from './mailbox.ts';
import { mx } from './mx.ts';
import { naptr } from './naptr.ts';
import { ns } from './ns.ts';
import { atma, nsap, nsapPtr } from './nsap.ts';
import { nsec } from './nsec.ts';
import { nsec3, nsec3param } from './nsec3.ts';
import { nxt } from './nxt.ts';
import { brid, cert, csync, dhcid, eid, hhit, nimloc, openpgpkey, sink, zonemd } from './opaque.ts';
import { ptr } from './ptr.ts';
import { px } from './px.ts';
import { kx, rt } from './route.ts';
import { rp } from './rp.ts';
import { rrsig, sig } from './rrsig.ts';
import { soa } from './soa.ts';
import { srv } from './srv.ts';
import { sshfp } from './sshfp.ts';
import { https, svcb } from './svcb.ts';
import { talink } from './talink.ts';
import { smimea, tlsa } from './tlsa.ts';
import { avc, ninfo, resinfo, spf, txt, wallet } from './txt.ts';
import { uri } from './uri.ts';
import { wks } from './wks.ts';
import { isdn, x25 } from './x25.ts';
import type { RdataType } from './fields.ts';

const ALL: readonly RdataType[] = [
  a,
  a6,
  aaaa,
  afsdb,
  amtrelay,
  apl,
  atma,
  avc,
  caa,
  cdnskey,
  cds,
  cert,
  cname,
  csync,
  dhcid,
  dlv,
  dname,
  dnskey,
  doa,
  ds,
  dsync,
  eid,
  eui48,
  eui64,
  gpos,
  hinfo,
  hip,
  https,
  ipseckey,
  isdn,
  key,
  kx,
  l32,
  l64,
  loc,
  lp,
  mb,
  md,
  mf,
  mg,
  minfo,
  mr,
  mx,
  naptr,
  nid,
  nimloc,
  ninfo,
  ns,
  nsap,
  nsapPtr,
  nsec,
  nsec3,
  nsec3param,
  nxt,
  openpgpkey,
  hhit,
  brid,
  ptr,
  px,
  resinfo,
  rkey,
  rp,
  rrsig,
  rt,
  sig,
  sink,
  smimea,
  soa,
  spf,
  srv,
  sshfp,
  svcb,
  ta,
  talink,
  tlsa,
  txt,
  uri,
  wallet,
  wks,
  x25,
  zonemd,
];

/** All types whose data has a form known here, by code. */
export const TYPES: ReadonlyMap<number, RdataType> = new Map(ALL.map((type) => [type.code, type]));
