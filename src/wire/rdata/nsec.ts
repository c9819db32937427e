import { Type } from '../codes.ts';
import { typeBitmap } from './dnssec-fields.ts';
import { name, type RdataType } from './fields.ts';

/** RFC 4034 4; the name keeps its case in the canonical form (RFC 6840 5.1). */
export const nsec: RdataType = {
  code: Type.NSEC,
  fields: [name('next name'), typeBitmap({ mayBeEmpty: false })],
  example: 'host.example.org. A MX RRSIG NSEC',
};
