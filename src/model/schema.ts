import type { TSchema } from 'typebox';

/** The part of JSON Schema that resources use, to walk it; `wanted` is ours: what a pattern asks for, in words. */
export interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
  readonly wanted?: string;
  /** Ours, of a pattern: our name for a text that it rejects; undefined when that is uncertain. */
  readonly called?: (text: string) => string | undefined;
  /** Ours, of a map: exactly one of these fields is there. Checked where resources are resolved, and by the CRD. */
  readonly exactlyOneOf?: readonly string[];
  /** Ours, of a map: at least one of these fields is there. Likewise. */
  readonly atLeastOneOf?: readonly string[];
}

/** TypeBox's types say what values a schema has, and hide that it is plain JSON Schema. */
export function plainSchema(schema: TSchema): Schema {
  return schema;
}
