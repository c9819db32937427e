import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { COUNTERS } from './counters.ts';

/** What the control side reports, beside the answering threads' counters. */
export interface ControlMetrics {
  readonly problems: Gauge<'severity'>;
  readonly reloads: Counter<'result'>;
  readonly lastGood: Gauge;
  readonly generation: Gauge;
  readonly compileSeconds: Gauge;
  readonly snapshotBytes: Gauge;
  readonly zones: Gauge;
  readonly exports: Gauge;
  readonly keepFailures: Counter;
  readonly workerRestarts: Counter;
  readonly held: Gauge;
  readonly invalid: Gauge<'served'>;
}

/** What is known of edge clusters and the hub: of processes that watch them. */
export interface ClusterMetrics {
  readonly siteUp: Gauge<'site'>;
  readonly siteAge: Gauge<'site'>;
  readonly siteServices: Gauge<'site'>;
  readonly hubAge: Gauge;
  readonly leading: Gauge;
}

/** How DNS nodes are served: of `edgeward control`. */
export interface StreamMetrics {
  readonly octets: Counter;
}

/** How old what is answered by is: of `edgeward dns`. */
export interface NodeMetrics {
  readonly keepFailures: Counter;
  readonly losses: Counter;
}

export interface Metrics {
  readonly control: ControlMetrics;
  /** These are on the page from when they are first asked for: what a process does not do it says nothing of. */
  clusters(): ClusterMetrics;
  stream(subscribers: () => number): StreamMetrics;
  node(knowledge: () => { readonly ageSeconds: number | undefined; readonly connected: boolean }): NodeMetrics;
  /** The text exposition format, and its content type. */
  render(): Promise<{ text: string; contentType: string }>;
}

/**
 * The metrics page.
 * @param threads the counters of all answering threads, asked for at every scrape
 */
export function createMetrics(threads: () => readonly Float64Array[]): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registerThreadCounters(registry, threads);
  const registers = [registry];
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const control: ControlMetrics = {
    problems: new Gauge({
      name: 'edgeward_config_problems',
      help: 'Problems in the resources and zones as they are now.',
      labelNames: ['severity'],
      registers,
    }),
    reloads: new Counter({
      name: 'edgeward_config_reloads_total',
      help: 'Times that the configuration was read, by how much of it is served: all, part of it, or nothing new.',
      labelNames: ['result'],
      registers,
    }),
    lastGood: gauge(
      'edgeward_config_last_good_timestamp_seconds',
      'When the configuration was last read and all of it could be served.',
    ),
    generation: gauge('edgeward_snapshot_generation', 'Number of the snapshot that is served.'),
    compileSeconds: gauge('edgeward_snapshot_compile_seconds', 'How long the last snapshot took to compile.'),
    snapshotBytes: gauge('edgeward_snapshot_bytes', 'Memory of the snapshot, shared by all threads.'),
    zones: gauge('edgeward_zones', 'Zones served.'),
    exports: gauge('edgeward_exports', 'Exports steered.'),
    held: gauge(
      'edgeward_changes_held',
      'Changes that are not served, since they would take away too much at once and nobody was seen to make them.',
    ),
    invalid: new Gauge({
      name: 'edgeward_config_invalid_resources',
      help: 'Resources and zones that are invalid, by what is served in their place: their last valid version, or SERVFAIL.',
      labelNames: ['served'],
      registers,
    }),
    keepFailures: new Counter({
      name: 'edgeward_snapshot_keep_failures_total',
      help: 'Times that the snapshot could not be written to disk, from where a restart begins.',
      registers,
    }),
    workerRestarts: new Counter({
      name: 'edgeward_worker_restarts_total',
      help: 'Answering threads that died and were replaced.',
      registers,
    }),
  };
  for (const severity of ['error', 'warning']) control.problems.set({ severity }, 0);
  for (const result of ['accepted', 'partial', 'rejected']) control.reloads.inc({ result }, 0);
  let clusters: ClusterMetrics | undefined;
  return {
    control,
    clusters: () => (clusters ??= clusterMetrics(registers)),
    stream: (subscribers) => streamMetrics(registers, subscribers),
    node: (knowledge) => nodeMetrics(registers, knowledge),
    render: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
  };
}

function clusterMetrics(registers: Registry[]): ClusterMetrics {
  const ofSites = (name: string, help: string): Gauge<'site'> =>
    new Gauge({ name, help, labelNames: ['site'], registers });
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  return {
    siteUp: ofSites('edgeward_site_up', 'Whether the edge cluster of a site is seen as it is: 1 or 0.'),
    siteAge: ofSites(
      'edgeward_site_knowledge_age_seconds',
      'How long ago the edge cluster of a site was last seen as it is.',
    ),
    siteServices: ofSites('edgeward_site_services', 'Services known of the edge cluster of a site.'),
    hubAge: gauge('edgeward_hub_knowledge_age_seconds', 'How long ago the hub was last seen as it is.'),
    leading: gauge('edgeward_leading', 'Whether this process writes to the hub: 1 or 0.'),
  };
}

function streamMetrics(registers: Registry[], subscribers: () => number): StreamMetrics {
  const nodes: Gauge = new Gauge({
    name: 'edgeward_stream_subscribers',
    help: 'DNS nodes that follow this control plane.',
    registers,
    collect: () => nodes.set(subscribers()),
  });
  const name = 'edgeward_stream_changes_octets_total';
  return { octets: new Counter({ name, help: 'Octets of changes for each DNS node.', registers }) };
}

function nodeMetrics(
  registers: Registry[],
  knowledge: () => { readonly ageSeconds: number | undefined; readonly connected: boolean },
): NodeMetrics {
  const age: Gauge = new Gauge({
    name: 'edgeward_knowledge_age_seconds',
    help: 'How old what this DNS node answers by is.',
    registers,
    collect: () => age.set(knowledge().ageSeconds ?? Number.NaN),
  });
  const connected: Gauge = new Gauge({
    name: 'edgeward_control_connected',
    help: 'Whether this DNS node follows a control plane now: 1 or 0.',
    registers,
    collect: () => connected.set(knowledge().connected ? 1 : 0),
  });
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  return {
    losses: counter('edgeward_control_lost_total', 'Times that a control plane could not be followed any more.'),
    keepFailures: counter('edgeward_last_good_failures_total', 'Times that the last good snapshot could not be kept.'),
  };
}

/** One collector per metric, filled from the threads' arrays when it is scraped. */
function registerThreadCounters(registry: Registry, threads: () => readonly Float64Array[]): void {
  const slots = new Map<string, number[]>();
  for (const [index, { metric }] of COUNTERS.entries()) slots.set(metric, [...(slots.get(metric) ?? []), index]);
  for (const [name, indices] of slots) {
    const { help, labels } = COUNTERS[indices[0]!]!;
    const labelNames = Object.keys(labels ?? {});
    const sum = (index: number): number => threads().reduce((total, counters) => total + counters[index]!, 0);
    // Only names in _total are counters to Prometheus; what goes down as well is a gauge.
    if (name.endsWith('_total')) {
      const counter: Counter = new Counter({
        name,
        help,
        labelNames,
        registers: [registry],
        collect: () => {
          counter.reset();
          for (const index of indices) counter.inc(COUNTERS[index]!.labels ?? {}, sum(index));
        },
      });
    } else {
      const gauge: Gauge = new Gauge({
        name,
        help,
        labelNames,
        registers: [registry],
        collect: () => {
          for (const index of indices) gauge.set(COUNTERS[index]!.labels ?? {}, sum(index));
        },
      });
    }
  }
}
