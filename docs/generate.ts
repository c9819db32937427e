import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ServerFile } from '../src/config/schema.ts';
import { plainSchema, type Schema } from '../src/model/schema.ts';
import { KINDS, TENANT_KINDS, type Kind } from '../src/model/kinds.ts';

/**
 * The reference of everything that an operator writes, from the schemas that check it.
 * `node docs/generate.ts` writes it to docs/reference.
 */

const NOTE = '<!-- Made by `node docs/generate.ts` from the schemas: change those. -->';

/** Where the demo has an example of each. */
const EXAMPLES: Readonly<Record<Kind, string>> = {
  Site: 'sites/china.yaml',
  Zone: 'zones.yaml',
  DomainExport: 'exports/2-models.yaml',
  WeightOverride: 'exports/3-api-drain.yaml',
};

/** File names below docs/reference, and what is in them. */
export function reference(): Map<string, string> {
  const pages = new Map<string, string>();
  const index = ['# Reference', '', NOTE, '', 'What can stand in a configuration directory:', ''];
  const server = plainSchema(ServerFile);
  index.push(`- [edgeward.yaml](edgeward-yaml.md): ${server.description}`);
  pages.set('edgeward-yaml.md', page('edgeward.yaml', server, 'edgeward.yaml'));
  for (const kind of Object.keys(KINDS) as Kind[]) {
    const schema = plainSchema(KINDS[kind]);
    const name = `${kind.replace(/(?<=[a-z])[A-Z]/gu, '-$&').toLowerCase()}.md`;
    index.push(`- [${kind}](${name}): ${schema.description}`);
    pages.set(name, page(kind, withoutTenant(kind, schema), EXAMPLES[kind]));
  }
  pages.set('README.md', `${index.join('\n')}\n`);
  return pages;
}

/** Only some kinds have a tenant, which the schema of `metadata`, one for all, does not say. */
function withoutTenant(kind: Kind, schema: Schema): Schema {
  const metadata = schema.properties?.['metadata'];
  if (TENANT_KINDS.has(kind) || metadata === undefined) return schema;
  const { tenant: _, ...fields } = metadata.properties ?? {};
  return { ...schema, properties: { ...schema.properties, metadata: { ...metadata, properties: fields } } };
}

function page(title: string, schema: Schema, example: string): string {
  const head = [`# ${title}`, '', NOTE, '', schema.description ?? '', ''];
  const link = `An example with comments: [config/demo/${example}](../../config/demo/${example}).`;
  return `${[...head, link, '', '## Fields', '', ...fields(schema, '')].join('\n')}\n`;
}

function fields({ properties = {}, required = [] }: Schema, path: string): string[] {
  return Object.entries(properties).flatMap(([key, field]) => {
    const at = path === '' ? key : `${path}.${key}`;
    const text = (field.description ?? field.items?.description ?? '').replaceAll('\n', ' ');
    const need = required.includes(key) ? ', required' : '';
    return [`- \`${at}\`: ${typeName(field)}${need}.${text === '' ? '' : ` ${text}`}`, ...below(field, at)];
  });
}

/** Fields of what is inside a field: of a map, of a list's items, of a choice's maps. */
function below(field: Schema, path: string): string[] {
  if (field.items !== undefined) return below(field.items, `${path}[]`);
  if (field.anyOf !== undefined) return field.anyOf.flatMap((choice) => below(choice, path));
  return fields(field, path);
}

function typeName(schema: Schema): string {
  if (schema.anyOf !== undefined) {
    const literals = schema.anyOf.filter((choice) => 'const' in choice).map(typeName);
    const others = schema.anyOf.filter((choice) => !('const' in choice)).map(typeName);
    return [...literals, ...others].join(' or ');
  }
  if ('const' in schema) return `\`${String(schema.const)}\``;
  if (schema.items !== undefined) return `list of ${typeName(schema.items).replace(/^(?:map|list)\b/u, '$&s')}`;
  if (schema.patternProperties !== undefined) return 'map of text to text';
  if (schema.type === 'object') return 'map';
  if (schema.type === 'string') return schema.format === 'date-time' ? 'time (RFC 3339)' : `text${wanted(schema)}`;
  if (schema.type === 'boolean') return '`true` or `false`';
  return `${schema.type === 'integer' ? 'whole number' : 'number'}${range(schema)}`;
}

function wanted({ wanted: words }: Schema): string {
  return words === undefined ? '' : ` (${words})`;
}

function range({ minimum, maximum }: Schema): string {
  if (minimum === undefined) return '';
  return maximum === undefined ? ` of ${minimum} or more` : ` from ${minimum} to ${maximum}`;
}

if (import.meta.main) {
  const directory = fileURLToPath(new URL('reference', import.meta.url));
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of reference()) writeFileSync(`${directory}/${name}`, text);
}
