import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { loadCarriers, loadRegions } from '../../src/geo/mod.ts';
import { openResources } from '../../src/state/resources.ts';
import { fileStore } from '../../src/store/files.ts';

const DEMO = fileURLToPath(new URL('../../config/demo', import.meta.url));
const GEO_DATA = fileURLToPath(new URL('../../geo-data', import.meta.url));

test('the demo has not even a warning', () => {
  const regions = loadRegions(GEO_DATA);
  const carriers = new Set([...loadCarriers(GEO_DATA).values()].map(({ carrier }) => carrier));
  const { configuration, problems } = openResources(fileStore(DEMO), { directory: DEMO, regions, carriers }).load();
  expect(problems).toEqual([]);
  expect(configuration?.sites.size).toBe(14);
  expect(configuration?.exports.map((exp) => exp.hosts)).toEqual([
    ['chat.example.org.', 'example.org.', 'chat.default.edge.example.net.'],
    ['models.example.org.', '*.models.example.org.', 'models.lab.edge.example.net.'],
    ['api.example.org.', 'api.default.edge.example.net.'],
  ]);
});

test('the demo listens where its comments say', () => {
  const { config, problems } = loadConfig({ file: join(DEMO, 'edgeward.yaml'), env: {} });
  expect(problems).toEqual([]);
  expect(config).toMatchObject({ listen: [{ host: '127.0.0.1', port: 5353 }], metrics: { port: 9153 } });
});
