import type { TSchema } from 'typebox';
import { IsDateTime } from 'typebox/format';
import { formatPath, type FieldPath } from '../lib/field-path.ts';
import { orList, suggest } from '../lib/nearest.ts';
import { plainSchema, type Schema } from './schema.ts';

/** One way in which a value is not what its schema wants, in words. */
export interface Violation {
  readonly field: string;
  /** What is wrong. One sentence without a full stop. */
  readonly message: string;
  /** What would be right. */
  readonly remedy: string;
}

/**
 * Every violation of the schema, in the order of the value's fields. Empty exactly when TypeBox's `Check` passes
 * (of the keywords above, with `additionalProperties: false` on every object). TypeBox's own errors are not used:
 * they stop at eight, and of a union they tell each branch's.
 */
export function violations(schema: TSchema, value: unknown): Violation[] {
  const found: Violation[] = [];
  check(plainSchema(schema), value, [], found, true);
  return found;
}

/** @param isRequired the field cannot be left out */
function check(schema: Schema, value: unknown, path: FieldPath, found: Violation[], isRequired: boolean): void {
  if (schema.anyOf !== undefined) return checkUnion(schema, schema.anyOf, value, path, found, isRequired);
  if ('const' in schema) {
    if (value !== schema.const) add(found, path, notOneOf(value), `write \`${String(schema.const)}\``);
    return undefined;
  }
  if (!hasType(schema.type, value)) {
    add(found, path, wrongType(schema, value), rightType(schema, value, isRequired));
    return undefined;
  }
  if (typeof value === 'string') checkText(schema, value, path, found);
  else if (typeof value === 'number') checkNumber(schema, value, path, found);
  else if (Array.isArray(value)) checkList(schema, value, path, found);
  else if (typeof value === 'object') checkMap(schema, value as Record<string, unknown>, path, found);
  return undefined;
}

/** Of a union, the branch that the value was meant for speaks: the one of the value's own type. */
function checkUnion(
  schema: Schema,
  branches: readonly Schema[],
  value: unknown,
  path: FieldPath,
  found: Violation[],
  isRequired: boolean,
): void {
  const literals = branches.filter((branch) => 'const' in branch).map((branch) => String(branch.const));
  const others = branches.filter((branch) => !('const' in branch));
  const fitting = others.find((branch) => hasType(branch.type, value));
  if (branches.some((branch) => 'const' in branch && branch.const === value)) return;
  if (fitting !== undefined) return check(fitting, value, path, found, isRequired);
  if (literals.length > 0) {
    const near = typeof value === 'string' ? suggest(value, literals, '') : '';
    const choice = near.startsWith('did you mean') ? near : `write ${orList(literals)}`;
    const also = others
      .map((branch) => `, or ${rightType(branch, undefined, isRequired).replace(/^write /u, '')}`)
      .join('');
    return add(found, path, notOneOf(value), near === choice ? choice : choice + also);
  }
  const types = others.map((branch) => typeName(branch.type)).join(' or ');
  const text = others.find((branch) => branch.type === 'string');
  return add(found, path, `${describe(value)}, not ${types}`, rightType(text ?? schema, value, isRequired));
}

/** Patterns of schemas: few, and asked for with every text. */
const patterns = new Map<string, RegExp>();

function matches(pattern: string, text: string): boolean {
  let expression = patterns.get(pattern);
  if (expression === undefined) patterns.set(pattern, (expression = new RegExp(pattern, 'u')));
  return expression.test(text);
}

function checkText(schema: Schema, value: string, path: FieldPath, found: Violation[]): void {
  const wanted = (): string => lower(schema.wanted ?? firstSentence(schema) ?? 'another text');
  if (schema.minLength !== undefined && Array.from(value).length < schema.minLength) {
    add(found, path, value === '' ? 'empty' : `${quote(value)} is too short`, `write ${wanted()}`);
  }
  if (schema.pattern !== undefined && !matches(schema.pattern, value)) {
    const called = schema.called?.(value);
    const remedy = called === undefined ? `write ${wanted()}` : `did you mean \`${called}\`?`;
    add(found, path, `${quote(value)} is not allowed here`, remedy);
  }
  if (schema.format === 'date-time' && !IsDateTime(value)) {
    add(found, path, `${quote(value)} is not a date and time`, 'write it by RFC 3339: 2030-01-31T18:00:00Z');
  }
}

function checkNumber(schema: Schema, value: number, path: FieldPath, found: Violation[]): void {
  const { minimum = -Infinity, maximum = Infinity } = schema;
  if (value >= minimum && value <= maximum) return;
  add(
    found,
    path,
    `${value} is ${value < minimum ? `below ${minimum}` : `above ${maximum}`}`,
    `write ${numberName(schema)}`,
  );
}

/** `a whole number from 1 to 32`. */
function numberName({ type, minimum, maximum }: Schema): string {
  const name = typeName(type);
  if (minimum === undefined) return maximum === undefined ? name : `${name} up to ${maximum}`;
  return maximum === undefined ? `${name} of ${minimum} or more` : `${name} from ${minimum} to ${maximum}`;
}

function checkList(schema: Schema, value: readonly unknown[], path: FieldPath, found: Violation[]): void {
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    add(
      found,
      path,
      'an empty list',
      `give at least ${schema.minItems === 1 ? 'one item' : `${schema.minItems} items`}`,
    );
  }
  if (schema.items === undefined) return;
  for (const [index, item] of value.entries()) check(schema.items, item, [...path, index], found, true);
}

const NO_FIELDS: Readonly<Record<string, Schema>> = {};

function checkMap(schema: Schema, value: Record<string, unknown>, path: FieldPath, found: Violation[]): void {
  const free = schema.patternProperties === undefined ? undefined : Object.values(schema.patternProperties)[0];
  const known = schema.properties ?? NO_FIELDS;
  const isRequired = (key: string): boolean => schema.required?.includes(key) === true;
  for (const key of Object.keys(value)) {
    const field = value[key];
    if (Object.hasOwn(known, key)) check(known[key]!, field, [...path, key], found, isRequired(key));
    else if (free !== undefined) check(free, field, [...path, key], found, false);
    else add(found, [...path, key], 'unknown field', suggest(key, Object.keys(known), 'fields here'));
  }
  for (const key of schema.required ?? []) {
    if (Object.hasOwn(value, key)) continue;
    add(found, [...path, key], 'missing', `add ${addition(key, known[key] ?? {})}`);
  }
}

/** What to write for a field that is missing: an empty one would be wrong as well. */
function addition(key: string, schema: Schema): string {
  if ('const' in schema) return `\`${key}: ${String(schema.const)}\``;
  const meaning = schema.wanted ?? firstSentence(schema);
  if (schema.type === 'object' && schema.patternProperties === undefined) {
    const needed = (schema.required ?? []).map((field) => `${field}: ...`);
    return `\`${key}: {${needed.length === 0 ? '' : ` ${needed.join(', ')} `}}\``;
  }
  const isNumber = schema.type === 'number' || schema.type === 'integer';
  const kind = isNumber ? numberName(schema) : TYPE_NAMES[schema.type ?? ''];
  const what = meaning ?? kind;
  return what === undefined ? `\`${key}:\`` : `\`${key}:\` (${what})`;
}

function add(found: Violation[], path: FieldPath, message: string, remedy: string): void {
  found.push({ field: formatPath(path), message, remedy });
}

function hasType(type: string | undefined, value: unknown): boolean {
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
    case 'string':
      return typeof value === 'string';
    case 'number':
      return Number.isFinite(value);
    case 'integer':
      return Number.isInteger(value);
    case 'boolean':
      return typeof value === 'boolean';
    default:
      return true;
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a map of fields',
  array: 'a list',
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: '`true` or `false`',
};

function typeName(type: string | undefined): string {
  return TYPE_NAMES[type ?? ''] ?? 'a value';
}

function wrongType(schema: Schema, value: unknown): string {
  return value === null ? 'empty' : `${describe(value)}, not ${typeName(schema.type)}`;
}

function rightType(schema: Schema, value: unknown, isRequired: boolean): string {
  const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  if (value === null && !isRequired) return `write ${typeName(schema.type)}, or remove the field`;
  if (value === null) return `write ${schema.wanted ?? typeName(schema.type)}`;
  if (schema.type === 'string' && scalar) return `put it in quotes: "${String(value)}"`;
  if (schema.type === 'array' && scalar) return `put it in brackets: [${inFlow(value)}]`;
  if ((schema.type === 'number' || schema.type === 'integer') && typeof value === 'string') {
    if (value.trim() !== '' && hasType(schema.type, Number(value))) return `write it without quotes: ${Number(value)}`;
  }
  if (schema.type === 'object') {
    const keys = Object.keys(schema.properties ?? {});
    return keys.length === 0 ? 'write `key: value` lines' : `write a map with fields such as \`${keys[0]}\``;
  }
  return `write ${schema.type === 'number' || schema.type === 'integer' ? numberName(schema) : typeName(schema.type)}`;
}

const PLAIN = /^[A-Za-z0-9][\w./-]*(?::\w+)*$/u;
const OTHER_THAN_TEXT = /^(?:true|false|null|[0-9.]+(?:e[0-9]+)?|0[xo][0-9a-f]+)$/iu;

/** A scalar as it stands inside of brackets, quoted where YAML would read it as something else. */
function inFlow(value: string | number | boolean): string {
  const isPlain = typeof value !== 'string' || (PLAIN.test(value) && !OTHER_THAN_TEXT.test(value));
  return isPlain ? String(value) : JSON.stringify(value);
}

function describe(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map of fields';
  if (typeof value === 'string') return `the text ${quote(value)}`;
  if (typeof value === 'number') return `the number ${value}`;
  return value === true ? '`true`' : '`false`';
}

function notOneOf(value: unknown): string {
  return typeof value === 'string' ? `${quote(value)} is not known here` : `${describe(value)} is not known here`;
}

/** JSON text, cut so that a message stays a line. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}

function firstSentence({ description }: Schema): string | undefined {
  return description?.split(/\.(?:\s|$)/u)[0];
}

function lower(text: string): string {
  return /^[A-Z][a-z ]/u.test(text) ? text.slice(0, 1).toLowerCase() + text.slice(1) : text;
}
