import { name, u16, type RdataType } from './fields.ts';

/** RT, RFC 1183 3.3. */
export const rt: RdataType = {
  code: 21,
  fields: [u16('preference'), name('host name', { decompress: true, additional: true })],
  example: '10 relay.example.org.',
};

/** KX, RFC 2230 3. */
export const kx: RdataType = {
  code: 36,
  fields: [u16('preference'), name('host name', { lower: true, additional: true })],
  example: '10 kx.example.org.',
};
