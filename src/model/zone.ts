import { Type, type Static } from 'typebox';
import { resource } from './resource.ts';

const ZoneSpec = Type.Object(
  {
    origin: Type.String({ description: 'Apex of the zone: `example.org` (a final dot is optional).' }),
    file: Type.Optional(
      Type.String({
        description: 'RFC 1035 master file, relative to this YAML file. Exactly one of `file` and `records`.',
      }),
    ),
    records: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.String({ description: 'Owner, relative to the origin; `@` is the apex.' }),
            type: Type.String({ description: 'Record type: `A`, `MX`, `TYPE65280`.' }),
            ttl: Type.Optional(
              Type.Integer({ minimum: 0, maximum: 2147483647, description: 'Seconds; without it, `defaultTtl`.' }),
            ),
            data: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })], {
              description:
                'Data of one record, or a list for several. TXT without quotes is the whole text, blanks and `;` included; all else is as in a master file, where text with a `;` is in quotes: `0 issue "ca.example.net; account=1"`.',
            }),
          },
          { additionalProperties: false },
        ),
        {
          description:
            'Records in place of a master file. Name servers are NS records at `@`. Without an SOA record one is made: its primary is the first of these NS records.',
        },
      ),
    ),
    defaultTtl: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 2147483647,
        description: 'TTL of records without their own, seconds. Default 3600; a `$TTL` in a master file goes first.',
      }),
    ),
    allowUnsigned: Type.Optional(
      Type.Boolean({
        description:
          'True: a zone that was signed beforehand is served, though without its signatures. Its parent must have no DS record for it. Default false: such a zone is an error, since validating resolvers would reject every answer.',
      }),
    ),
    targets: Type.Optional(
      Type.Boolean({
        description:
          'True: every export also answers at `<export>.<tenant>.<origin>`, so that any name anywhere can be CNAMEd to it.',
      }),
    ),
    tenants: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.String({
              pattern: '^(\\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$',
              wanted: 'the name of a tenant, or `*` for every tenant',
              description: 'The tenant (on a hub its namespace), or `*` for every tenant.',
            }),
            hosts: Type.Optional(
              Type.Array(Type.String(), {
                minItems: 1,
                description:
                  'Hosts that its exports may have: `shop.example.org`, or `*.shop.example.org` for all below, wildcards included. Default: all names below the origin, but no wildcard.',
              }),
            ),
          },
          { additionalProperties: false },
        ),
        {
          description:
            "Tenants whose exports may have hosts in the zone. Default on a hub: the control plane's own namespace alone; in files: all. `<export>.<tenant>.<origin>` of a zone with `targets` is always the tenant's.",
        },
      ),
    ),
    hostHold: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 604800,
        description:
          'Seconds for which a host that its tenant gave up stays reserved for that tenant. Default on a hub 600, in files 0.',
      }),
    ),
    hostnameAnnotations: Type.Optional(
      Type.Object(
        {
          hosts: Type.Array(Type.String(), {
            minItems: 1,
            description: 'Hosts that may be claimed: `chat.example.org`, or `*.apps.example.org` for all below.',
          }),
          sites: Type.Optional(
            Type.Array(Type.String(), {
              minItems: 1,
              description: 'Sites that may. Default: every site with a cluster.',
            }),
          ),
          namespaces: Type.Optional(
            Type.Array(Type.String(), {
              minItems: 1,
              description: 'Namespaces there whose objects may. Default: all.',
            }),
          ),
        },
        {
          additionalProperties: false,
          description:
            'Lets objects of edge clusters claim hosts: by the annotation `external-dns.kubernetes.io/hostname`, and in the specs of Ingresses and routes. Default: none may.',
        },
      ),
    ),
  },
  { additionalProperties: false, exactlyOneOf: ['file', 'records'] },
);

export const Zone = resource('Zone', ZoneSpec, 'A zone that Edgeward is authoritative for.');
export type Zone = Static<typeof Zone>;
