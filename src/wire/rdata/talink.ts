import { name, type RdataType } from './fields.ts';

/** draft-ietf-dnsop-dnssec-trust-history 2. */
export const talink: RdataType = {
  code: 58,
  fields: [name('previous name'), name('next name')],
  example: 'h0.example.org. h2.example.org.',
};
