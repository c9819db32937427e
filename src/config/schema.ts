import { Type, type Static } from 'typebox';

const closed = { additionalProperties: false } as const;

const Seconds = (description: string) => Type.Optional(Type.Number({ minimum: 0.1, maximum: 86400, description }));
const Count = (description: string) => Type.Optional(Type.Integer({ minimum: 1, maximum: 1000000, description }));
const Path = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

const Geo = Type.Object(
  {
    overlays: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        description:
          'CSV files `prefix,region,isp` over the built-in data: a later file wins, within one the longer prefix. A carrier that they name may be named by sites and rules.',
      }),
    ),
    mmdb: Type.Optional(
      Type.Object(
        {
          city: Path(
            'City database: regions down to subdivisions (`CA-BC`), and coordinates, which distances are measured to.',
          ),
          country: Path('Country database: countries, or continents where it has no country.'),
          isp: Path('ISP database: AS numbers and carriers.'),
          asn: Path('ASN database: AS numbers.'),
        },
        {
          ...closed,
          description:
            'mmdb databases in place of the built-in data: MaxMind, DB-IP, IP2Location, IPinfo, ip-location-db.',
        },
      ),
    ),
    cacheDirectory: Path(
      'Where built geo data is kept between starts. Default `edgeward` in `$XDG_CACHE_HOME` or in `~/.cache`; without a home directory in `/var/cache`.',
    ),
  },
  { ...closed, description: 'Where clients are. Paths are relative to this file.' },
);

const Tcp = Type.Object(
  {
    maxConnections: Count('Connections open at once. Default 1000.'),
    maxPerClient: Count('Of these, from one IPv4 address or IPv6 /56, in each answering thread. Default 50.'),
    idleSeconds: Seconds('A connection ends so long after its last complete message. Default 10.'),
    totalSeconds: Seconds('No more queries of a connection are taken after so long. Default 120.'),
    maxPipelined: Count('Queries of one connection answered in one go, before others have their turn. Default 100.'),
  },
  { ...closed, description: 'Limits of DNS over TCP (RFC 7766 6).' },
);

const Hub = Type.Object(
  {
    kubeconfig: Path(
      "Kubeconfig of the hub. Default: what kubectl would use here, or the Pod's own ServiceAccount. Relative to this file.",
    ),
    namespace: Type.Optional(
      Type.String({
        minLength: 1,
        description: "Where the control plane's Lease and the Secrets of Sites are. Default `edgeward`.",
      }),
    ),
  },
  { ...closed, description: 'Take resources from this Kubernetes API server, and not from this directory.' },
);

const Stream = Type.Object(
  {
    listen: Type.Optional(
      Type.String({ description: 'Address and port for DNS nodes, HTTP/2 over TLS. Default `0.0.0.0:9443`.' }),
    ),
    certificate: Type.String({ minLength: 1, description: 'PEM file with the certificate of the control plane.' }),
    key: Type.String({ minLength: 1, description: 'PEM file with its key.' }),
    clientAuthority: Path('PEM file: DNS nodes that show a certificate of this authority are let in.'),
    tokenFile: Path('File with a token of 16 characters or more: DNS nodes that know it are let in.'),
  },
  {
    ...closed,
    description: 'How `edgeward control` serves DNS nodes. At least one of `clientAuthority` and `tokenFile`.',
  },
);

const Control = Type.Object(
  {
    servers: Type.Array(Type.String(), {
      minItems: 1,
      description: 'Control planes, any one of which will do: `https://control.example.org:9443`.',
    }),
    authority: Path('PEM file with the authority of their certificates. Default: those that Node trusts.'),
    certificate: Path('PEM file with the certificate of this DNS node.'),
    key: Path('PEM file with its key.'),
    tokenFile: Path('File with the token that lets this DNS node in.'),
  },
  { ...closed, description: 'Where `edgeward dns` gets what it answers.' },
);

/** `edgeward.yaml`, at the top of the configuration directory. Every field is optional. */
export const ServerFile = Type.Object(
  {
    listen: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        description:
          'Addresses and ports for DNS over UDP and TCP: `127.0.0.1:5353`, `[::1]:5353`. Default `0.0.0.0:53` and `[::]:53`, as far as the machine has both families.',
      }),
    ),
    workers: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 256,
        description: 'Threads that answer. Default one for each core, at most 4.',
      }),
    ),
    metrics: Type.Optional(
      Type.String({
        description:
          'Address and port of `/metrics`, `/healthz` and `/readyz`, or `off`. Default `127.0.0.1:9153`; when that is taken, the server warns and runs without.',
      }),
    ),
    udp: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Literal('batched'), Type.Literal('portable')], {
        description:
          'How UDP is read and written: `batched` by recvmmsg and sendmmsg, many datagrams with one system call ' +
          '(Linux on x64 and arm64); `portable` by what Node has; `auto` batched where it works. Default `auto`.',
      }),
    ),
    udpPayloadSize: Type.Optional(
      Type.Integer({
        minimum: 512,
        maximum: 4096,
        description: 'Longest answer over UDP, octets (RFC 6891 6.2.5). Default 1232, which no path fragments.',
      }),
    ),
    nsid: Type.Optional(
      Type.String({
        description: 'Text that names this server in answers (RFC 5001); empty: none. Default the host name.',
      }),
    ),
    geo: Type.Optional(Geo),
    ecs: Type.Optional(
      Type.Object(
        {
          enabled: Type.Optional(
            Type.Boolean({ description: 'Steer by the client subnet that a resolver sends (RFC 7871). Default true.' }),
          ),
        },
        { ...closed, description: 'EDNS Client Subnet.' },
      ),
    ),
    tcp: Type.Optional(Tcp),
    dataDirectory: Path(
      'What was last known of edge clusters, the hub or the control plane is kept here. Default `edgeward` in `$XDG_STATE_HOME` or in `~/.local/state`; without a home directory in `/var/lib`.',
    ),
    hub: Type.Optional(Hub),
    stream: Type.Optional(Stream),
    control: Type.Optional(Control),
    logLevel: Type.Optional(
      Type.Union([Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')], {
        description: 'Least severity that is logged. Default `info`.',
      }),
    ),
  },
  { ...closed, description: 'The server itself: addresses, threads, limits and geo data.' },
);
export type ServerFile = Static<typeof ServerFile>;
