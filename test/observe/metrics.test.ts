import { describe, expect, it } from 'vitest';
import { COUNTER, COUNTERS, createCounters } from '../../src/observe/counters.ts';
import { createMetrics } from '../../src/observe/metrics.ts';

/** Lines of the page that are not comments, by what stands before the value. */
function values(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

describe('counters', () => {
  it('have one place each, in shared memory, and their codes in a row', () => {
    const counters = createCounters();
    expect(counters.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(counters).toHaveLength(COUNTERS.length);
    expect(new Set(Object.values(COUNTER)).size).toBe(COUNTERS.length);
    expect(COUNTER.rcode10 - COUNTER.rcode0).toBe(10);
    expect(COUNTERS[COUNTER.rcode0 + 3]!.labels).toEqual({ rcode: 'NXDOMAIN' });
    expect(COUNTERS[COUNTER.rcode0 + 5]!.labels).toEqual({ rcode: 'REFUSED' });
  });

  it('are told apart by metric and labels, with the same labels and help for one metric', () => {
    const series = COUNTERS.map(({ metric, labels }) => `${metric} ${JSON.stringify(labels)}`);
    expect(new Set(series).size).toBe(series.length);
    const shapes = COUNTERS.map(
      ({ metric, labels, help }) => [metric, Object.keys(labels ?? {}).join(), help] as const,
    );
    const metrics = new Set(shapes.map(([metric]) => metric));
    expect(new Set(shapes.map((shape) => shape.join(' '))).size).toBe(metrics.size);
  });
});

describe('createMetrics', () => {
  it('adds the threads up at each scrape', async () => {
    const threads = [createCounters(), createCounters()];
    const metrics = createMetrics(() => threads);
    threads[0]![COUNTER.queriesUdp4] = 5;
    threads[1]![COUNTER.queriesUdp4] = 2 ** 40;
    threads[1]![COUNTER.tcpOpen] = 3;
    const first = values((await metrics.render()).text);
    expect(first.get('edgeward_dns_queries_total{transport="udp",family="ipv4"}')).toBe(2 ** 40 + 5);
    expect(first.get('edgeward_dns_queries_total{transport="tcp",family="ipv6"}')).toBe(0);
    expect(first.get('edgeward_tcp_open_connections')).toBe(3);
    threads[0]![COUNTER.queriesUdp4]!++;
    threads[1]![COUNTER.tcpOpen] = 1;
    const second = values((await metrics.render()).text);
    expect(second.get('edgeward_dns_queries_total{transport="udp",family="ipv4"}')).toBe(2 ** 40 + 6);
    expect(second.get('edgeward_tcp_open_connections')).toBe(1);
  });

  it('shows every counter from the start, with its type and help', async () => {
    const { text, contentType } = await createMetrics(() => [createCounters()]).render();
    const shown = values(text);
    for (const { metric, labels } of COUNTERS) {
      const inside = Object.entries(labels ?? {}).map(([key, value]) => `${key}="${value}"`);
      expect(shown.get(inside.length === 0 ? metric : `${metric}{${inside.join()}}`)).toBe(0);
      const type = metric.endsWith('_total') ? 'counter' : 'gauge';
      expect(text).toContain(`# TYPE ${metric} ${type}\n`);
      expect(text).toMatch(new RegExp(`# HELP ${metric} \\S`, 'u'));
    }
    expect(contentType).toContain('text/plain');
  });

  it('names all that is ours edgeward_, counters _total and times in seconds', async () => {
    const { text } = await createMetrics(() => [createCounters()]).render();
    const types = [...text.matchAll(/^# TYPE (?<name>\S+) (?<type>\S+)$/gmu)].map(({ groups }) => groups!);
    const ours = types.filter(({ name }) => !/^(?:process|nodejs)_/u.test(name!));
    expect(ours.length).toBeGreaterThan(20);
    for (const { name, type } of ours) {
      expect(name).toMatch(/^edgeward_[a-z_]+$/u);
      expect(name!.endsWith('_total')).toBe(type === 'counter');
      expect(name).not.toMatch(/_(?:ms|milliseconds|minutes)/u);
    }
  });

  it('shows what the control side reports', async () => {
    const metrics = createMetrics(() => []);
    const { control } = metrics;
    control.problems.set({ severity: 'error' }, 2);
    control.reloads.inc({ result: 'rejected' });
    control.generation.set(7);
    control.compileSeconds.set(0.25);
    control.workerRestarts.inc();
    const shown = values((await metrics.render()).text);
    expect(shown.get('edgeward_config_problems{severity="error"}')).toBe(2);
    expect(shown.get('edgeward_config_problems{severity="warning"}')).toBe(0);
    expect(shown.get('edgeward_config_reloads_total{result="rejected"}')).toBe(1);
    expect(shown.get('edgeward_config_reloads_total{result="accepted"}')).toBe(0);
    expect(shown.get('edgeward_snapshot_generation')).toBe(7);
    expect(shown.get('edgeward_snapshot_compile_seconds')).toBe(0.25);
    expect(shown.get('edgeward_worker_restarts_total')).toBe(1);
    expect(shown.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
  });

  it('keeps two pages apart', async () => {
    const [one, two] = [createMetrics(() => []), createMetrics(() => [])];
    one.control.zones.set(4);
    expect(values((await two.render()).text).get('edgeward_zones')).toBe(0);
  });
});
