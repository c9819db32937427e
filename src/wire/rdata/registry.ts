import { a } from './a.ts';
import { aaaa } from './aaaa.ts';
import { cname } from './cname.ts';
import type { RdataType } from './fields.ts';
import { mx } from './mx.ts';
import { ns } from './ns.ts';
import { soa } from './soa.ts';
import { srv } from './srv.ts';
import { spf, txt } from './txt.ts';

/** All types whose data has a form known here, by code. */
export const TYPES: ReadonlyMap<number, RdataType> = new Map(
  [a, aaaa, cname, mx, ns, soa, spf, srv, txt].map((type) => [type.code, type]),
);
