import type { ResolvedExport } from '../model/resolved.ts';
import { nameToText } from '../wire/name.ts';
import { loadDirectory } from './workspace.ts';

/** Clients worth asking as: far apart, and in networks that the built-in data knows. */
const CLIENTS = {
  guangdong: { subnet: '202.96.128.0/24', who: 'a client in Guangdong on China Telecom' },
  frankfurt: { subnet: '217.80.0.0/16', who: 'a client in Germany on Deutsche Telekom' },
  telecom6: { subnet: '240e::/24', who: 'over IPv6: China Telecom' },
  university: { subnet: '101.6.0.0/16', who: 'a university in Beijing' },
} as const;

/** A server on this machine as `edgeward query` and dig are told of it. */
export function serverWords({ host, port }: { readonly host: string; readonly port: number }): string {
  return `@${host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host} -p ${port}`;
}

/** Five queries to try against a server that has just started, and how to see the reason of an answer. */
export function suggestions(directory: string, { host, port }: { host: string; port: number }): string {
  const { configuration } = loadDirectory(directory);
  // The one with IPv6 first: it has more to show.
  const both = (exp: ResolvedExport): boolean => exp.endpoints.some(({ family }) => family === 6);
  const names = [...(configuration?.exports ?? [])]
    .sort((a, b) => Number(both(b)) - Number(both(a)))
    .flatMap((exp) => exp.hosts.find((name) => !name.startsWith('*'))?.replace(/\.$/u, '') ?? []);
  const [first, second = first] = names;
  const zone = configuration?.zones[0];
  if (first === undefined || zone === undefined) return '';
  const server = serverWords({ host, port });
  const apex = nameToText(zone.origin).replace(/\.$/u, '');
  const queries = [
    { ask: `${first} A +subnet=${CLIENTS.guangdong.subnet}`, who: CLIENTS.guangdong.who },
    { ask: `${first} A +subnet=${CLIENTS.frankfurt.subnet}`, who: CLIENTS.frankfurt.who },
    { ask: `${first} AAAA +subnet=${CLIENTS.telecom6.subnet}`, who: CLIENTS.telecom6.who },
    { ask: `${second} A +subnet=${CLIENTS.university.subnet}`, who: CLIENTS.university.who },
    { ask: `${apex} MX +tcp`, who: 'plain zone data, over TCP' },
  ];
  const width = Math.max(...queries.map(({ ask }) => ask.length));
  const lines = queries.map(({ ask, who }) => `  npx edgeward query ${server} ${ask.padEnd(width)}  # ${who}`);
  return [
    '',
    'Try, in another terminal (kdig understands the same words in place of `npx edgeward query`):',
    '',
    ...lines,
    '',
    `Why?  npx edgeward explain ${first} A --client 202.96.128.86 -c ${directory}`,
    '',
    '',
  ].join('\n');
}
