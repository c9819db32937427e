import { parse } from 'yaml';
import { parsePath } from '../../src/lib/field-path.ts';
import type { Violation } from '../../src/model/violations.ts';

type Container = Record<string | number, unknown>;

/** Does to a value what the remedy of a violation says, where that is plain to do; undefined where it is not. */
export function followRemedy(value: unknown, violation: Violation): unknown {
  const path = parsePath(violation.field);
  const last = path.at(-1);
  if (last === undefined) return undefined;
  const copy: unknown = structuredClone(value);
  let parent = copy as Container;
  for (const step of path.slice(0, -1)) parent = parent[step] as Container;
  return change(parent, last, violation) ? copy : undefined;
}

function change(parent: Container, key: string | number, { message, remedy }: Violation): boolean {
  const set = (value: unknown): true => {
    // Fields may be named as what objects inherit.
    Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true });
    return true;
  };
  const remove = (): boolean => delete parent[key];
  const [, meant] = /^did you mean `(.*)`\?$/u.exec(remedy) ?? [];
  if (message === 'unknown field') {
    const old = parent[key];
    remove();
    if (meant !== undefined && !Object.hasOwn(parent, meant)) parent[meant] = old;
    return true;
  }
  if (meant !== undefined) return set(meant);
  if (remedy === 'remove the field') return remove();
  const [, added, meaning = ''] = /^add `(.+?)`(?: \((.*)\))?$/u.exec(remedy) ?? [];
  if (added !== undefined) return set(Object.values(parse(added) as Container)[0] ?? exampleOf(meaning) ?? 'text');
  const [, quoted] = /^put it in quotes: "(.*)"$/u.exec(remedy) ?? [];
  if (quoted !== undefined) return set(quoted);
  const [, bare] = /^write it without quotes: (.*)$/u.exec(remedy) ?? [];
  if (bare !== undefined) return set(Number(bare));
  const [, list] = /^put it in brackets: (\[.*\])$/u.exec(remedy) ?? [];
  if (list !== undefined) return set(parse(list));
  const [, first] = /^write `([^`]*)`/u.exec(remedy) ?? [];
  if (first !== undefined) return set(parse(first));
  if (remedy.endsWith('or remove the field')) return remove();
  if (remedy.startsWith('write a map with fields') || remedy === 'write a map of fields') return set({});
  const [, wanted = ''] = /^write (.*)$/u.exec(remedy) ?? [];
  const example = exampleOf(wanted);
  return example !== undefined && set(example);
}

/** Something that is what these words say. */
function exampleOf(words: string): unknown {
  const [, least] = /number (?:from (-?[0-9]+) to|of (-?[0-9]+) or more)/u.exec(words)?.filter((part) => part) ?? [];
  if (least !== undefined) return Number(least);
  const [, example] = /such as `([^`]*)`/u.exec(words) ?? [];
  if (example !== undefined) return example;
  if (words.startsWith('it by RFC 3339')) return words.split(': ')[1];
  if (words.startsWith('`true` or `false`')) return true;
  if (words === 'a list') return [];
  return words === 'text' ? 'text' : undefined;
}
