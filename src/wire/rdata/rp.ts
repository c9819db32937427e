import { name, type RdataType } from './fields.ts';

/** RFC 1183 2.2. */
export const rp: RdataType = {
  code: 17,
  fields: [name('mailbox as a name', { decompress: true }), name('name of a TXT record', { decompress: true })],
  example: 'admin.example.org. about-admin.example.org.',
};
