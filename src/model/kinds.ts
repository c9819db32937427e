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
