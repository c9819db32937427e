import { name, type RdataType } from './fields.ts';

const host = name('host name', { compress: true, additional: true });
const mailbox = name('mailbox as a name', { compress: true });

/** RFC 1035 3.3.4, obsolete. */
export const md: RdataType = { code: 3, fields: [host], example: 'mail.example.org.' };

/** RFC 1035 3.3.5, obsolete. */
export const mf: RdataType = { code: 4, fields: [host], example: 'mail.example.org.' };

/** RFC 1035 3.3.3. */
export const mb: RdataType = { code: 7, fields: [host], example: 'mail.example.org.' };

/** RFC 1035 3.3.6. */
export const mg: RdataType = { code: 8, fields: [mailbox], example: 'member.example.org.' };

/** RFC 1035 3.3.8. */
export const mr: RdataType = { code: 9, fields: [mailbox], example: 'new-name.example.org.' };

/** RFC 1035 3.3.7. */
export const minfo: RdataType = {
  code: 14,
  fields: [mailbox, name('error mailbox as a name', { compress: true })],
  example: 'owner.example.org. errors.example.org.',
};
