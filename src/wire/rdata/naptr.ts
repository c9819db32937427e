import { Type } from '../codes.ts';
import { name, string, u16, type RdataType } from './fields.ts';

/** RFC 3403 4.1. */
export const naptr: RdataType = {
  code: Type.NAPTR,
  fields: [
    u16('order'),
    u16('preference'),
    string('string of flags'),
    string('string of services'),
    string('regular expression'),
    name('replacement', { decompress: true }),
  ],
  example: '100 50 "s" "SIP+D2U" "" _sip._udp.example.org.',
};
