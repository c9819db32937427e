export { checkZone, plainProblem, type Allowance, type ZoneProblem } from './check.ts';
export { includeFrom } from './include.ts';
export { lossOf } from './loss.ts';
export { parseMasterFile } from './master.ts';
export { printZone } from './print.ts';
export { zoneFromRecords } from './records.ts';
export { isUnavailable, unavailable, type ZoneData } from './zone.ts';
