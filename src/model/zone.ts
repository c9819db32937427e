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
              description: 'Record data as in a master file; a list makes a record set.',
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
    targets: Type.Optional(
      Type.Boolean({
        description:
          'True: every export also answers at `<export>.<tenant>.<origin>`, so that any name anywhere can be CNAMEd to it.',
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
