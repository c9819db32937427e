import { isDeepStrictEqual } from 'node:util';

/**
 * Fields by path, for server-side apply in memory: maps are taken apart, lists are whole, but for the two that the
 * API merges by key and that we write: conditions (by `type`) and finalizers (a set).
 */
export type Fields = Map<string, unknown>;

type Json = Record<string, unknown>;

const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Identity and what the server itself writes are nobody's fields. */
const NOBODYS = new Set([
  'apiVersion',
  'kind',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'metadata.resourceVersion',
  'metadata.generation',
  'metadata.creationTimestamp',
  'metadata.deletionTimestamp',
  'metadata.managedFields',
]);

export function fieldsOf(object: Json): Fields {
  const fields: Fields = new Map();
  const visit = (value: unknown, path: readonly string[]): void => {
    const key = path.join('.');
    if (NOBODYS.has(key)) return;
    if (isMap(value)) for (const [name, inner] of Object.entries(value)) visit(inner, [...path, escape(name)]);
    else if (key === 'metadata.finalizers')
      for (const each of value as string[]) fields.set(`${key}.=${escape(each)}`, each);
    else if (key === 'status.conditions') {
      for (const condition of value as Json[]) fields.set(`${key}.=${escape(String(condition['type']))}`, condition);
    } else fields.set(key, value);
  };
  visit(object, []);
  return fields;
}

/** Keys may have dots in them. */
const escape = (name: string): string => name.replaceAll('~', '~0').replaceAll('.', '~1');
const unescape = (name: string): string => name.replaceAll('~1', '.').replaceAll('~0', '~');

export function setField(object: Json, path: string, value: unknown): void {
  const { owner, name } = walk(object, path, true)!;
  if (!name.startsWith('=')) owner[unescape(name)] = value;
  else setInList(owner, path, name, value);
}

export function removeField(object: Json, path: string): void {
  const found = walk(object, path, false);
  if (found === undefined) return;
  if (found.name.startsWith('=')) setInList(found.owner, path, found.name, undefined);
  else delete found.owner[unescape(found.name)];
  // A map in which nothing is left goes as well.
  const { owner } = found;
  const above = path.split('.').slice(0, found.name.startsWith('=') ? -2 : -1);
  if (Object.keys(owner).length === 0 && above.length > 1) removeField(object, above.join('.'));
}

function setInList(owner: Json, path: string, name: string, value: unknown): void {
  const list = path.startsWith('status.conditions') ? 'conditions' : 'finalizers';
  const key = unescape(name.slice(1));
  const items = (owner[list] ?? []) as unknown[];
  const isIt = (item: unknown): boolean => (isMap(item) ? item['type'] : item) === key;
  const at = items.findIndex(isIt);
  const next = at < 0 ? [...items] : [...items.slice(0, at), ...items.slice(at + 1)];
  if (value !== undefined) next.splice(at < 0 ? next.length : at, 0, value);
  if (next.length > 0) owner[list] = next;
  else delete owner[list];
}

/** The map that a field is in; for an item of a merged list, the map that has the list. */
function walk(object: Json, path: string, make: boolean): { owner: Json; name: string } | undefined {
  const parts = path.split('.');
  const name = parts.at(-1)!;
  const inner = parts.slice(0, name.startsWith('=') ? -2 : -1);
  let owner = object;
  for (const part of inner) {
    const key = unescape(part);
    if (!isMap(owner[key])) {
      if (!make) return undefined;
      owner[key] = {};
    }
    owner = owner[key] as Json;
  }
  return { owner, name };
}

export function sameValue(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b);
}
