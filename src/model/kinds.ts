import { DomainExport } from './domain-export.ts';
import { Site } from './site.ts';
import { WeightOverride } from './weight-override.ts';
import { Zone } from './zone.ts';

/** Every kind of resource, by name: the one list that validation, the reference and the stores follow. */
export const KINDS = { Site, Zone, DomainExport, WeightOverride } as const;

export type Kind = keyof typeof KINDS;
export type Resource = Site | Zone | DomainExport | WeightOverride;

/** Kinds that belong to a tenant; the others are the operator's. */
export const TENANT_KINDS: ReadonlySet<Kind> = new Set<Kind>(['DomainExport', 'WeightOverride']);

export const DEFAULT_TENANT = 'default';

/** `tenant/name`: what names a resource among those of its kind. */
export function ownerOf({ metadata }: Resource): string {
  return `${metadata.tenant ?? DEFAULT_TENANT}/${metadata.name}`;
}

/** What names a resource among all: `Site NAME`, `DomainExport TENANT/NAME`. On a hub, problems name this as the file. */
export function resourceKey(resource: Resource): string {
  const { kind, metadata } = resource;
  return TENANT_KINDS.has(kind) ? `${kind} ${ownerOf(resource)}` : `${kind} ${metadata.name}`;
}

/** The same of a value that is not a valid resource, as far as it says so; undefined when it does not. */
export function keyOfInvalid(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, metadata } = value as { kind?: unknown; metadata?: unknown };
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind)) return undefined;
  const { name, tenant = DEFAULT_TENANT } = (metadata ?? {}) as { name?: unknown; tenant?: unknown };
  if (typeof name !== 'string' || typeof tenant !== 'string') return undefined;
  return TENANT_KINDS.has(kind as Kind) ? `${kind} ${tenant}/${name}` : `${kind} ${name}`;
}
