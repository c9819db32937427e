import { Type, type Static } from 'typebox';
import { resource } from './resource.ts';

const WeightOverrideSpec = Type.Object(
  {
    export: Type.String({ description: 'Name of the DomainExport, in the same tenant.' }),
    sites: Type.Optional(
      Type.Array(Type.String(), { minItems: 1, description: 'Endpoints at these sites; absent: all of the export.' }),
    ),
    addresses: Type.Optional(
      Type.Array(Type.String(), { minItems: 1, description: 'Endpoints with these addresses; absent: all.' }),
    ),
    weight: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1000000, description: "Weight in place of the endpoint's own." }),
    ),
    factor: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1000,
        description: 'Factor on the weight. Exactly one of `weight` and `factor`.',
      }),
    ),
    reason: Type.Optional(Type.String({ description: 'Why: shown by `explain`.' })),
    expires: Type.Optional(Type.String({ format: 'date-time', description: 'When it ends by itself (RFC 3339).' })),
  },
  { additionalProperties: false, exactlyOneOf: ['weight', 'factor'] },
);

export const WeightOverride = resource(
  'WeightOverride',
  WeightOverrideSpec,
  "An operator's hand on the weights of an export, apart from it and undone by deleting it.",
);
export type WeightOverride = Static<typeof WeightOverride>;
