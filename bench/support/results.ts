import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';

/** Where and on what a figure was measured. */
export interface Machine {
  readonly date: string;
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
}

export function machine(): Machine {
  const git = (...args: readonly string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no', 'src') === '' ? '' : ' and changes';
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: git('rev-parse', '--short', 'HEAD') + changed,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    node: process.version,
  };
}

/** A Markdown table; columns after the first are to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((text, i) => Math.max(text.length, 3, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

/** Keeps figures as bench/results/NAME.json, and a text of them in bench/README.md between the marks for NAME. */
export function keep(name: string, figures: object, text: string): void {
  const on = machine();
  const file = new URL(`../results/${name}.json`, import.meta.url);
  writeFileSync(file, `${JSON.stringify({ machine: on, ...figures }, undefined, 2)}\n`);
  const readme = new URL('../README.md', import.meta.url);
  const where = `${on.cpu}, ${on.cores} cores, Linux ${on.kernel}, Node ${on.node}, commit ${on.commit}, ${on.date}`;
  const before = readFileSync(readme, 'utf8');
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = before.indexOf(open);
  const to = before.indexOf(close);
  if (from < 0 || to < 0) throw new Error(`bench/README.md has no marks ${open} ... ${close}`);
  writeFileSync(readme, `${before.slice(0, from)}${open}\n\n${text}\n\n${where}.\n\n${before.slice(to)}`);
}
