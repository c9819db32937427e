import { Type, type Static, type TSchema } from 'typebox';

export const API_VERSION = 'edgeward.dev/v1alpha1';

/** A DNS label (RFC 1123 2.1) in lower case; `wanted` is what messages say in place of a pattern. */
const LABEL = {
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$',
  wanted: 'a-z, 0-9 and hyphens, at most 63, with no hyphen first or last',
};

const Metadata = Type.Object(
  {
    name: Type.String({
      ...LABEL,
      description: 'Name of the resource, unique in its kind and tenant: a DNS label in lower case.',
    }),
    tenant: Type.Optional(
      Type.String({
        ...LABEL,
        description: 'Whose it is. Only a DomainExport and a WeightOverride have one; without it, `default`.',
      }),
    ),
    labels: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: 'Free key-value pairs to select by.' }),
    ),
    annotations: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: 'Free key-value pairs for tools.' }),
    ),
  },
  { additionalProperties: false },
);
export type Metadata = Static<typeof Metadata>;

/** The envelope that every kind shares, around the schema of its `spec`. */
export function resource<const K extends string, S extends TSchema>(kind: K, spec: S, description: string) {
  return Type.Object(
    {
      apiVersion: Type.Literal(API_VERSION),
      kind: Type.Literal(kind),
      metadata: Metadata,
      spec,
    },
    { additionalProperties: false, description },
  );
}
