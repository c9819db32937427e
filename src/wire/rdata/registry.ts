import { a } from './a.ts';
import { aaaa } from './aaaa.ts';
import { afsdb } from './afsdb.ts';
import { caa } from './caa.ts';
import { cname } from './cname.ts';
import { dname } from './dname.ts';
import { cdnskey, dnskey } from './dnskey.ts';
import { cds, dlv, ds } from './ds.ts';
import { eui48, eui64 } from './eui.ts';
import { hinfo } from './hinfo.ts';
import { loc } from './loc.ts';
import { mb, md, mf, mg, minfo, mr } from './mailbox.ts';
import { mx } from './mx.ts';
import { naptr } from './naptr.ts';
import { ns } from './ns.ts';
import { nsec } from './nsec.ts';
import { nsec3, nsec3param } from './nsec3.ts';
import { cert, csync, dhcid, openpgpkey, zonemd } from './opaque.ts';
import { ptr } from './ptr.ts';
import { kx, rt } from './route.ts';
import { rp } from './rp.ts';
import { rrsig } from './rrsig.ts';
import { soa } from './soa.ts';
import { srv } from './srv.ts';
import { sshfp } from './sshfp.ts';
import { https, svcb } from './svcb.ts';
import { smimea, tlsa } from './tlsa.ts';
import { avc, resinfo, spf, txt, wallet } from './txt.ts';
import { uri } from './uri.ts';
import type { RdataType } from './fields.ts';

const ALL: readonly RdataType[] = [
  a,
  aaaa,
  afsdb,
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
  ds,
  eui48,
  eui64,
  hinfo,
  https,
  kx,
  loc,
  mb,
  md,
  mf,
  mg,
  minfo,
  mr,
  mx,
  naptr,
  ns,
  nsec,
  nsec3,
  nsec3param,
  openpgpkey,
  ptr,
  resinfo,
  rp,
  rrsig,
  rt,
  smimea,
  soa,
  spf,
  srv,
  sshfp,
  svcb,
  tlsa,
  txt,
  uri,
  wallet,
  zonemd,
];

/** All types whose data has a form known here, by code. */
export const TYPES: ReadonlyMap<number, RdataType> = new Map(ALL.map((type) => [type.code, type]));
