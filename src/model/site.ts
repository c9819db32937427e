import { Type, type Static } from 'typebox';
import { ispCalled } from './isp-names.ts';
import { resource } from './resource.ts';

/** A region's code: `CN-GD`, `DE`, `europe` or `world`. Which ones exist is in geo-data/regions.csv. */
export const RegionCode = Type.String({
  minLength: 2,
  wanted: 'a region such as `DE`, `CN-GD` or `europe`',
  description:
    'Region: ISO 3166-2 subdivision (`CN-GD`, `CA-BC`), ISO 3166-1 country (`DE`), continent (`europe`) or `world`.',
});

/** A carrier's name from geo-data/carriers.csv, or an AS number. */
export const IspName = Type.String({
  pattern: '^([a-z0-9][a-z0-9-]*|AS[1-9][0-9]{0,9})$',
  wanted: 'a carrier such as `telecom` or an AS number such as `AS3320`',
  called: (text: string) => ispCalled(text),
  description: 'ISP: a carrier of geo-data/carriers.csv (`telecom`, `unicom`, `mobile`) or an AS number (`AS3320`).',
});

const EdgeCluster = Type.Object(
  {
    kubeconfig: Type.Object(
      {
        file: Type.Optional(
          Type.String({
            minLength: 1,
            description: 'Path of the kubeconfig, relative to the configuration directory; absolute on a hub.',
          }),
        ),
        secret: Type.Optional(
          Type.Object(
            {
              name: Type.String({
                minLength: 1,
                description: "Name of a Secret in the control plane's own namespace.",
              }),
              key: Type.Optional(Type.String({ description: 'Key in the Secret. Default `kubeconfig`.' })),
            },
            { additionalProperties: false, description: 'A Secret on the hub that has the kubeconfig.' },
          ),
        ),
      },
      {
        additionalProperties: false,
        exactlyOneOf: ['file', 'secret'],
        description: 'How to reach the cluster. Exactly one of `file` and `secret`.',
      },
    ),
    namespaces: Type.Optional(
      Type.Array(
        Type.Object(
          {
            tenant: Type.String({
              pattern: '^(\\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$',
              wanted: 'the name of a tenant, or `*` for every tenant',
              description: 'The tenant, or `*` for every tenant.',
            }),
            namespaces: Type.Array(Type.String({ minLength: 1 }), {
              minItems: 1,
              description: 'Namespaces of the cluster whose Services its exports may refer to; `*` is all.',
            }),
          },
          { additionalProperties: false },
        ),
        {
          description:
            "Which namespaces of the cluster a tenant's exports may refer to, beside the one of the tenant's own name. Default on a hub: none; in files: all.",
        },
      ),
    ),
    allowPrivateAddresses: Type.Optional(
      Type.Boolean({
        description: 'True: private and other non-global addresses may be answered with. Default: they are refused.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'The Kubernetes cluster at the site, whose Services exports may refer to. It is only read.',
  },
);

const SiteSpec = Type.Object(
  {
    region: RegionCode,
    isps: Type.Optional(
      Type.Array(IspName, {
        description:
          "ISPs whose network the site is in. Empty or absent: a neutral site, reached through no client's own ISP.",
      }),
    ),
    coordinates: Type.Optional(
      Type.Object(
        {
          latitude: Type.Number({ minimum: -90, maximum: 90 }),
          longitude: Type.Number({ minimum: -180, maximum: 180 }),
        },
        { additionalProperties: false, description: "Where the site is, in degrees. Absent: its region's centre." },
      ),
    ),
    cost: Type.Optional(
      Type.Number({ minimum: 0, description: 'Price of serving from here, in any one unit for all sites. Default 0.' }),
    ),
    cluster: Type.Optional(EdgeCluster),
  },
  { additionalProperties: false },
);

export const Site = resource('Site', SiteSpec, 'One edge location that endpoints are at.');
export type Site = Static<typeof Site>;
