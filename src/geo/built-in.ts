import { fileURLToPath } from 'node:url';

/** What comes with the program: regions.csv and carriers.csv. */
export const DATA_DIRECTORY = fileURLToPath(new URL('../../geo-data', import.meta.url));
