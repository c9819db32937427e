import type { DomainExport } from '../model/domain-export.ts';
import type { Site } from '../model/site.ts';

/** Sites at which an export may have endpoints by its backends. */
export function backendSites({ spec }: DomainExport, clusters: ReadonlyMap<string, Site>): string[] {
  return (spec.backends ?? []).flatMap(({ sites }) => sites ?? [...clusters.keys()]);
}
