/**
 * Counters of the answering threads. Each thread owns one Float64Array in shared memory (exact to 2^53, one writer);
 * the metrics page adds them up when it is scraped. Counting with prom-client costs 100 ns and more a time.
 */

export interface CounterDefinition {
  readonly metric: string;
  readonly help: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const queries = (transport: string, family: string): CounterDefinition => ({
  metric: 'edgeward_dns_queries_total',
  help: 'Queries by transport and IP family.',
  labels: { transport, family },
});
const type = (name: string): CounterDefinition => ({
  metric: 'edgeward_dns_query_types_total',
  help: 'Queries by type asked for.',
  labels: { type: name },
});
const rcode = (name: string): CounterDefinition => ({
  metric: 'edgeward_dns_responses_total',
  help: 'Answers by response code.',
  labels: { rcode: name },
});
const dropped = (reason: string): CounterDefinition => ({
  metric: 'edgeward_dns_dropped_total',
  help: 'Messages that got no answer: `short` has no header, `response` is one itself, `send` the kernel refused.',
  labels: { reason },
});
const outcome = (name: string): CounterDefinition => ({
  metric: 'edgeward_dns_outcomes_total',
  help: 'What answers said, beyond their response code.',
  labels: { outcome: name },
});
const refused = (limit: string): CounterDefinition => ({
  metric: 'edgeward_tcp_refused_total',
  help: 'TCP connections closed at once, by the limit that was reached: `client` ours for one client, `system` open files.',
  labels: { limit },
});
const closed = (reason: string): CounterDefinition => ({
  metric: 'edgeward_tcp_closed_total',
  help:
    'TCP connections that the server ended: `idle`, `slow` in sending a message, `backlog` of answers not read, ' +
    '`total` time used up, `evicted` for a new one when all were taken.',
  labels: { reason },
});

/** Every counter, in the order of the arrays. */
const DEFINITIONS = {
  queriesUdp4: queries('udp', 'ipv4'),
  queriesUdp6: queries('udp', 'ipv6'),
  queriesTcp4: queries('tcp', 'ipv4'),
  queriesTcp6: queries('tcp', 'ipv6'),
  typeA: type('A'),
  typeAAAA: type('AAAA'),
  typeOther: type('other'),
  // The header's codes in their order: `rcode0 + code` is the counter.
  rcode0: rcode('NOERROR'),
  rcode1: rcode('FORMERR'),
  rcode2: rcode('SERVFAIL'),
  rcode3: rcode('NXDOMAIN'),
  rcode4: rcode('NOTIMP'),
  rcode5: rcode('REFUSED'),
  rcode6: rcode('YXDOMAIN'),
  rcode7: rcode('YXRRSET'),
  rcode8: rcode('NXRRSET'),
  rcode9: rcode('NOTAUTH'),
  rcode10: rcode('NOTZONE'),
  rcodeBadvers: rcode('BADVERS'),
  rcodeOther: rcode('other'),
  droppedShort: dropped('short'),
  droppedResponse: dropped('response'),
  droppedSend: dropped('send'),
  edns: { metric: 'edgeward_dns_edns_queries_total', help: 'Queries with EDNS.' },
  ecs: { metric: 'edgeward_dns_ecs_queries_total', help: 'Queries with a well-formed client subnet.' },
  ecsMalformed: { metric: 'edgeward_dns_ecs_malformed_total', help: 'Queries refused for a malformed client subnet.' },
  nxdomain: outcome('nxdomain'),
  nodata: outcome('nodata'),
  referrals: outcome('referral'),
  any: outcome('any'),
  truncated: outcome('truncated'),
  steered: { metric: 'edgeward_steered_answers_total', help: 'Answers with addresses of an export.' },
  randomPicks: {
    metric: 'edgeward_steered_random_total',
    help: 'Steered answers drawn at random for the query, for want of a client subnet.',
  },
  failOpen: {
    metric: 'edgeward_steered_fail_open_total',
    help: 'Steered answers given as if all endpoints were up, because all are down.',
  },
  bytesIn: { metric: 'edgeward_dns_received_bytes_total', help: 'Octets of messages received.' },
  bytesOut: { metric: 'edgeward_dns_sent_bytes_total', help: 'Octets of answers.' },
  tcpAccepted: { metric: 'edgeward_tcp_accepted_total', help: 'TCP connections accepted.' },
  /** Goes down as well: a gauge. */
  tcpOpen: { metric: 'edgeward_tcp_open_connections', help: 'TCP connections open now.' },
  tcpRefusedClient: refused('client'),
  tcpRefusedSystem: refused('system'),
  tcpIdle: closed('idle'),
  tcpSlow: closed('slow'),
  tcpBacklog: closed('backlog'),
  tcpTotal: closed('total'),
  tcpEvicted: closed('evicted'),
} as const satisfies Record<string, CounterDefinition>;

export type CounterName = keyof typeof DEFINITIONS;

const NAMES = Object.keys(DEFINITIONS) as CounterName[];

/** Index of each counter. */
export const COUNTER = Object.fromEntries(NAMES.map((name, index) => [name, index])) as Record<CounterName, number>;

/** Definition of each counter, by index. */
export const COUNTERS: readonly CounterDefinition[] = NAMES.map((name) => DEFINITIONS[name]);

/** One thread's counters, all 0, in shared memory. */
export function createCounters(): Float64Array {
  return new Float64Array(new SharedArrayBuffer(NAMES.length * Float64Array.BYTES_PER_ELEMENT));
}
