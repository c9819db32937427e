import { Type } from '../codes.ts';
import { name, seconds, u32, type RdataType } from './fields.ts';

/** RFC 1035 3.3.13; the last field is the negative TTL of RFC 2308 4. */
export const soa: RdataType = {
  code: Type.SOA,
  fields: [
    name('primary name server', { compress: true }),
    name('mailbox as a name', { compress: true }),
    u32('serial'),
    seconds('refresh interval'),
    seconds('retry interval'),
    seconds('expiry time'),
    seconds('negative TTL'),
  ],
  example: 'ns1.example.org. hostmaster.example.org. 2026010101 2h 30m 2w 5m',
};
