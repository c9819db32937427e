import { isStatus, type Cluster } from './cluster.ts';
import { apiVersionOf, EVENTS, type KubeObject, type ResourceType } from './objects.ts';

export interface EventInput {
  readonly about: KubeObject;
  readonly type: ResourceType;
  /** `Warning` for what somebody should look at. */
  readonly severity: 'Normal' | 'Warning';
  /** CamelCase: `ChangeHeld`. */
  readonly reason: string;
  /** What we were doing: `Resolve`. */
  readonly action: string;
  readonly note: string;
}

/** The same event is not told again for so long. */
const QUIET_MS = 300_000;
const MAX_KEPT = 1000;

/** Writes events about objects (events.k8s.io/v1), each once in five minutes. Never throws: events are a courtesy. */
export class EventRecorder {
  readonly #cluster: Cluster;
  readonly #instance: string;
  readonly #told = new Map<string, number>();

  /** @param instance name of this process */
  constructor(cluster: Cluster, instance: string) {
    this.#cluster = cluster;
    this.#instance = instance;
  }

  async record(input: EventInput): Promise<void> {
    const { about, type, severity, reason, action, note } = input;
    const { name, namespace = 'default', uid = '' } = about.metadata;
    const key = `${type.plural}/${namespace}/${name}/${reason}/${note}`;
    const now = performance.now();
    if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
    this.#told.delete(key);
    this.#told.set(key, now);
    const [oldest] = this.#told.keys();
    if (this.#told.size > MAX_KEPT) this.#told.delete(oldest!);
    const event = {
      metadata: { name: `${name}.${Date.now().toString(16)}${Math.random().toString(16).slice(2, 8)}`, namespace },
      eventTime: new Date().toISOString().replace('Z', '000Z'),
      reportingController: 'edgeward.dev/control',
      reportingInstance: this.#instance.slice(0, 128),
      action,
      reason,
      type: severity,
      note: note.slice(0, 1024),
      regarding: {
        apiVersion: apiVersionOf(type),
        kind: type.kind,
        name,
        uid,
        ...(type.namespaced ? { namespace } : {}),
      },
    };
    try {
      await this.#cluster.create(EVENTS, event);
    } catch (error) {
      if (!isStatus(error, 403, 404, 409)) this.#told.delete(key);
    }
  }
}
