export { checkZone } from './check.ts';
export type { Place, Whereabouts } from './builder.ts';
export { includeFrom } from './include.ts';
export { parseMasterFile, type Include, type MasterFile, type ReadZone } from './master.ts';
export { printZone } from './print.ts';
export { zoneFromRecords, type InlineRecord } from './records.ts';
export type { RRset, ZoneData, ZoneNode } from './zone.ts';
