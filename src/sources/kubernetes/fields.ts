import type { KubeObject } from '../../kube/objects.ts';
import { NEVER } from '../../model/observed.ts';

/** Careful reading of objects whose schema another has: what is not of the wanted type counts as absent. */

export type Json = Readonly<Record<string, unknown>>;

export const map = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});

export const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);

export const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** The strings of a list. */
export const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.flatMap((each) => text(each) ?? []) : [];

export const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

/** When an object was created: milliseconds since 1970. */
export function createdAt({ metadata: { creationTimestamp = '' } }: KubeObject): number {
  const time = Date.parse(creationTimestamp);
  return Number.isNaN(time) ? NEVER : time;
}
