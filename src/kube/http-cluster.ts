import { createSecureContext } from 'node:tls';
import { Pool, ProxyAgent, type Dispatcher } from 'undici';
import type {
  ApplyOptions,
  Cluster,
  DeleteOptions,
  ListOptions,
  ObjectList,
  Status,
  WatchEvent,
  WatchOptions,
} from './cluster.ts';
import { ApiError } from './cluster.ts';
import { Credentials, type Connection, type CredentialSource } from './credentials.ts';
import { readLines } from './lines.ts';
import { apiVersionOf, pathOf, type KubeObject, type ResourceType } from './objects.ts';

/** An answer that does not begin by then is given up. */
const HEADERS_MS = 20_000;
const CONNECT_MS = 10_000;
const PING_MS = 5000;

/** Errors are told in few words, whatever a proxy on the way writes. */
const LONGEST_ERROR = 16 * 1024;

interface Request {
  readonly method?: Dispatcher.HttpMethod;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly headersMs?: number;
  readonly bodyMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A real API server, over connections that are kept: one pool for each. */
export class HttpCluster implements Cluster {
  readonly #credentials: Credentials;
  #pool: { readonly identity: string; readonly dispatcher: Dispatcher } | undefined;
  #closed = false;

  constructor(source: CredentialSource) {
    this.#credentials = new Credentials(source);
  }

  async list(type: ResourceType, options: ListOptions = {}): Promise<ObjectList> {
    const { namespace, labelSelector, limit, signal } = options;
    const query = { labelSelector, limit, continue: options.continue };
    const answer = (await this.#json({ path: pathOf(type, namespace), query, signal })) as {
      items?: KubeObject[];
      metadata?: { resourceVersion?: string; continue?: string };
    };
    const { resourceVersion = '', continue: more = '' } = answer.metadata ?? {};
    return { items: answer.items ?? [], resourceVersion, continue: more === '' ? undefined : more };
  }

  async *watch(type: ResourceType, options: WatchOptions): AsyncGenerator<WatchEvent> {
    const { namespace, labelSelector, resourceVersion, sendInitialEvents, timeoutSeconds, signal } = options;
    const query = {
      watch: true,
      allowWatchBookmarks: true,
      timeoutSeconds,
      labelSelector,
      resourceVersion,
      ...(sendInitialEvents === true ? { sendInitialEvents, resourceVersionMatch: 'NotOlderThan' } : {}),
    };
    const path = pathOf(type, namespace);
    const silence = new AbortController();
    const either = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]);
    const { body } = await this.#send({ path, query, signal: either, bodyMs: 0 });
    const silent = setTimeout(() => silence.abort(), options.inactivityMs);
    try {
      for await (const line of readLines(body)) {
        silent.refresh();
        yield JSON.parse(line) as WatchEvent;
      }
    } catch (error) {
      // Of a kind that nothing happens to there are no bookmarks either: silence alone is no failure.
      if (!silence.signal.aborted) throw error;
    } finally {
      clearTimeout(silent);
      silence.abort();
    }
  }

  async get(type: ResourceType, name: string, namespace?: string): Promise<KubeObject | undefined> {
    try {
      return (await this.#json({ path: pathOf(type, namespace, name) })) as KubeObject;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404 && error.reason === 'NotFound') return undefined;
      throw error;
    }
  }

  async create(type: ResourceType, object: KubeObject): Promise<KubeObject> {
    const path = pathOf(type, object.metadata.namespace);
    return (await this.#json({ method: 'POST', path, body: typed(type, object) })) as KubeObject;
  }

  async update(type: ResourceType, object: KubeObject): Promise<KubeObject> {
    const path = pathOf(type, object.metadata.namespace, object.metadata.name);
    return (await this.#json({ method: 'PUT', path, body: typed(type, object) })) as KubeObject;
  }

  async apply(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const { fieldManager, force = false, subresource } = options;
    return (await this.#json({
      method: 'PATCH',
      path: pathOf(type, object.metadata.namespace, object.metadata.name, subresource),
      query: { fieldManager, force },
      body: typed(type, object),
      // JSON is YAML.
      contentType: 'application/apply-patch+yaml',
    })) as KubeObject;
  }

  async delete(type: ResourceType, name: string, options: DeleteOptions = {}): Promise<void> {
    const { namespace, uid, resourceVersion } = options;
    const path = pathOf(type, namespace, name);
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      preconditions: { uid, resourceVersion },
    };
    await this.#json({ method: 'DELETE', path, body });
  }

  async ping(signal?: AbortSignal): Promise<void> {
    try {
      const { body } = await this.#send({ path: '/readyz', headersMs: PING_MS, bodyMs: PING_MS, signal });
      await body.dump();
    } catch (error) {
      // Who refuses an answer is there; who cannot give one may have lost its etcd.
      if (!(error instanceof ApiError) || error.status >= 500) throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool?.dispatcher.destroy();
  }

  async #json(request: Request): Promise<unknown> {
    const { body } = await this.#send(request);
    return body.json();
  }

  async #send(request: Request): Promise<Dispatcher.ResponseData> {
    const { method = 'GET', path, query = {}, body, contentType = 'application/json', signal } = request;
    const connection = await this.#credentials.connection();
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
    const prefix = new URL(connection.server).pathname.replace(/\/$/u, '');
    const response = await this.#dispatcher(connection).request({
      origin: new URL(connection.server).origin,
      method,
      path: `${prefix}${path}${search.size === 0 ? '' : `?${search.toString()}`}`,
      headers: {
        ...connection.headers,
        accept: 'application/json',
        'user-agent': 'edgeward',
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      headersTimeout: request.headersMs ?? HEADERS_MS,
      bodyTimeout: request.bodyMs ?? HEADERS_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.statusCode < 400) return response;
    // A token that was replaced, or taken back: whatever is read next may be another.
    if (response.statusCode === 401) this.#credentials.forget();
    throw await errorOf(response);
  }

  #dispatcher(connection: Connection): Dispatcher {
    if (this.#closed) throw new Error('the connection to the API server was closed');
    if (this.#pool?.identity === connection.identity) return this.#pool.dispatcher;
    const { tls, proxy } = connection;
    const { ca, cert, key, ...checks } = tls;
    const { origin, protocol } = new URL(connection.server);
    const before = this.#pool?.dispatcher;
    // Certificates are read once, and not for each connection: that would take a quarter of a megabyte every time.
    const secureContext = protocol === 'https:' ? createSecureContext({ ca, cert, key }) : undefined;
    const dispatcher =
      proxy === undefined
        ? new Pool(origin, {
            // A connection is for a watch, and lasts: sessions to be resumed would each hold what they came in.
            connect: {
              ...checks,
              ...(secureContext && { secureContext }),
              timeout: CONNECT_MS,
              keepAlive: true,
              maxCachedSessions: 0,
            },
            pipelining: 1,
            // A connection for each watch: over HTTP/2 one that hangs would take all others with it.
            allowH2: false,
          })
        : new ProxyAgent({ uri: proxy, requestTls: tls });
    this.#pool = { identity: connection.identity, dispatcher };
    // What still runs over the old certificates ends by itself.
    void before?.close();
    return dispatcher;
  }
}

function typed(type: ResourceType, object: KubeObject): KubeObject {
  return { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
}

async function errorOf({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<ApiError> {
  const after = Number(headers['retry-after']);
  const retryAfter = Number.isFinite(after) && after > 0 ? after : undefined;
  let text = '';
  for await (const chunk of body) {
    text += String(chunk);
    if (text.length > LONGEST_ERROR) break;
  }
  try {
    return new ApiError(statusCode, JSON.parse(text) as Status, retryAfter);
  } catch {
    const message = text.trim() === '' ? '' : `${statusCode}: ${text.trim().slice(0, 200)}`;
    return new ApiError(statusCode, { message }, retryAfter);
  }
}
