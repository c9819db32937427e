export { checkZone, type Allowance } from './check.ts';
export type { Whereabouts } from './builder.ts';
export { includeFrom } from './include.ts';
export { parseMasterFile } from './master.ts';
export { printZone } from './print.ts';
export { zoneFromRecords } from './records.ts';
export type { ZoneData } from './zone.ts';
