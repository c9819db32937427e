import { string, type RdataType } from './fields.ts';

/** RFC 1712 3, given up in favour of LOC. */
export const gpos: RdataType = {
  code: 27,
  fields: [string('longitude'), string('latitude'), string('altitude')],
  example: '"-32.6882" "116.8652" "10.0"',
};
