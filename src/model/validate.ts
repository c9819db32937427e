import { orList, suggest } from '../lib/nearest.ts';
import type { Problem } from '../lib/problem.ts';
import { KINDS, TENANT_KINDS, type Kind } from './kinds.ts';
import { API_VERSION } from './resource.ts';
import { quote, violations } from './violations.ts';

/** What is wrong with a value as a resource, field by field; empty when it is one. Never throws, for any value. */
export function validateResource(value: unknown): Problem[] {
  const error = (field: string, message: string, remedy: string): Problem => ({
    severity: 'error',
    ...(field === '' ? {} : { field }),
    message,
    remedy,
  });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [error('', 'not a resource', 'write a map with `apiVersion`, `kind`, `metadata` and `spec`')];
  }
  const { apiVersion, kind, metadata } = value as Record<string, unknown>;
  const kinds = Object.keys(KINDS);
  if (typeof apiVersion === 'string' && !apiVersion.startsWith('edgeward.dev/')) {
    return [
      error(
        'apiVersion',
        `${quote(apiVersion)} is another API`,
        `write \`${API_VERSION}\`, or move the file elsewhere`,
      ),
    ];
  }
  if (typeof kind !== 'string') {
    return [error('kind', kind === undefined ? 'missing' : 'not the name of a kind', `write ${orList(kinds)}`)];
  }
  if (!Object.hasOwn(KINDS, kind)) return [error('kind', `no kind ${quote(kind)}`, suggest(kind, kinds, 'kinds'))];
  const problems = violations(KINDS[kind as Kind], value).map((one) => error(one.field, one.message, one.remedy));
  const hasTenant = typeof metadata === 'object' && metadata !== null && 'tenant' in metadata;
  if (hasTenant && !TENANT_KINDS.has(kind as Kind)) {
    problems.push(error('metadata.tenant', `a ${kind} has no tenant`, 'remove the field'));
  }
  return problems;
}
