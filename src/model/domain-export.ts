import { Type, type Static } from 'typebox';
import { resource } from './resource.ts';
import { IspName, RegionCode } from './site.ts';

const SiteNames = Type.Array(Type.String(), { description: 'Names of sites.' });

/** Which clients a rule is for. All fields that are given must match; within a field any entry. */
export const ClientSelector = Type.Object(
  {
    regions: Type.Optional(Type.Array(RegionCode, { description: 'A region matches all inside it.' })),
    isps: Type.Optional(Type.Array(IspName)),
  },
  { additionalProperties: false },
);

export const Endpoint = Type.Object(
  {
    address: Type.String({ description: 'IPv4 or IPv6 address.' }),
    site: Type.String({ description: 'Name of the site it is at.' }),
    weight: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1000000, description: 'Share among equals; 0 takes no clients. Default 1.' }),
    ),
    health: Type.Optional(
      Type.Union([Type.Literal('up'), Type.Literal('down')], {
        description: 'State, as long as nothing measures it. Default `up`.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const Rule = Type.Object(
  {
    name: Type.Optional(Type.String({ description: 'What `explain` calls it.' })),
    clients: ClientSelector,
    only: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description: 'These sites serve the clients while any of them is up; else all are considered.',
      }),
    ),
    deny: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description: 'These sites never serve the clients, unless nothing else is left at all.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const Policy = Type.Object(
  {
    rules: Type.Optional(
      Type.Array(Rule, {
        description: 'The first rule with `only` that matches decides; every matching `deny` counts.',
      }),
    ),
    failover: Type.Optional(
      Type.Array(SiteNames, {
        description: 'Tiers of sites: the first tier with a healthy endpoint serves. Sites in no tier come last.',
      }),
    ),
    objective: Type.Optional(
      Type.Union(
        [
          Type.Literal('latency'),
          Type.Literal('cost'),
          Type.Literal('none'),
          Type.Object(
            { latency: Type.Number({ minimum: 0 }), cost: Type.Number({ minimum: 0 }) },
            { additionalProperties: false, description: 'latency x milliseconds + cost x site cost is minimised.' },
          ),
        ],
        { description: 'What nearness means. `none`: weights alone. Default `latency`.' },
      ),
    ),
    ispPenaltyMs: Type.Optional(
      Type.Number({
        minimum: 0,
        description: "Milliseconds added when a site is not in the client's ISP. Default 30.",
      }),
    ),
    toleranceMs: Type.Optional(
      Type.Number({
        minimum: 0,
        description: 'Endpoints within so many milliseconds of the nearest share its clients by weight. Default 5.',
      }),
    ),
    matrix: Type.Optional(
      Type.String({
        description:
          'CSV `region,isp,site,ms` of measured round trips, relative to this file; it overrides the estimate.',
      }),
    ),
    maxAnswers: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 32, description: 'Addresses in one answer. Default 1.' }),
    ),
    ttl: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 86400, description: 'TTL of steered answers, seconds. Default 20.' }),
    ),
    spread: Type.Optional(
      Type.Object(
        {
          ipv4: Type.Optional(Type.Integer({ minimum: 0, maximum: 32, description: 'Default 16.' })),
          ipv6: Type.Optional(Type.Integer({ minimum: 0, maximum: 128, description: 'Default 32.' })),
        },
        {
          additionalProperties: false,
          description:
            'Where clients are split by weight, each prefix of this length draws for itself, so that shares hold; the ECS scope is at least this long there.',
        },
      ),
    ),
  },
  { additionalProperties: false },
);
export type Policy = Static<typeof Policy>;

const DNS_LABEL = { pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$', wanted: 'a name of a-z, 0-9 and hyphens' };

export const RequestsPerReplica = Type.Number({
  minimum: 0.001,
  maximum: 1000000,
  description: 'Requests a second that one ready replica serves; only its ratio to other replicas matters. Default 1.',
});

const Backend = Type.Object(
  {
    serviceRef: Type.Object(
      {
        namespace: Type.String({ ...DNS_LABEL, description: 'Namespace in the edge clusters.' }),
        name: Type.String({ ...DNS_LABEL, description: 'Name of the Service there.' }),
      },
      {
        additionalProperties: false,
        description:
          'A Service in edge clusters. Its addresses are its own (those of its load balancer, for example), else those of the Gateways and Ingresses that lead to it.',
      },
    ),
    sites: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description: 'Sites whose clusters are looked at. Default: every site with a cluster.',
      }),
    ),
    requestsPerReplica: Type.Optional(RequestsPerReplica),
  },
  { additionalProperties: false },
);

const DomainExportSpec = Type.Object(
  {
    hosts: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'Host names in served zones that answer with this export. `<export>.<tenant>.<target zone>` always does.',
      }),
    ),
    endpoints: Type.Optional(
      Type.Array(Endpoint, {
        minItems: 1,
        description: 'Addresses that clients are answered with; each once. At least one of `endpoints` and `backends`.',
      }),
    ),
    backends: Type.Optional(
      Type.Array(Backend, {
        minItems: 1,
        description: 'Services in edge clusters, whose addresses clients are answered with by their ready replicas.',
      }),
    ),
    requestsPerReplica: Type.Optional(RequestsPerReplica),
    maxChange: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description:
          'Share of the capacity that may go at once when the control plane finds it gone, not when it sees it go (a hub restored from a backup). More is held until it is accepted. Default 0.3.',
      }),
    ),
    policy: Type.Optional(Policy),
  },
  { additionalProperties: false, atLeastOneOf: ['endpoints', 'backends'] },
);

export const DomainExport = resource(
  'DomainExport',
  DomainExportSpec,
  'Host names, the endpoints behind them, and how to steer.',
);
export type DomainExport = Static<typeof DomainExport>;
