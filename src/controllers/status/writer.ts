import { isDeepStrictEqual } from 'node:util';
import { isStatus, messageOf, type Cluster } from '../../kube/cluster.ts';
import { type Condition } from '../../kube/conditions.ts';
import { EventRecorder } from '../../kube/events.ts';
import type { ResourceType } from '../../kube/objects.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Kind } from '../../model/kinds.ts';
import { planStatuses, type Status, type StatusSubject, type StatusWorld } from './plan.ts';

export interface StatusWriterOptions {
  readonly cluster: Cluster;
  readonly types: Readonly<Record<Kind, ResourceType>>;
  readonly identity: string;
  readonly world: () => StatusWorld | undefined;
  readonly onError: (message: string) => void;
}

export const FIELD_MANAGER = 'edgeward';

const SETTLE_MS = 300;
/** Numbers of endpoints change with every replica: they are written no oftener than this, for each resource. */
const NUMBERS_MS = 5000;

/** Writes statuses to the hub, while this process leads. What is there already is not written again. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #events: EventRecorder;
  readonly #backoff = new Backoff(500, 30_000);
  /** When the numbers of a resource were last written. */
  readonly #written = new Map<string, number>();
  #leading = false;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #again = false;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    this.#events = new EventRecorder(options.cluster, options.identity);
  }

  lead(leading: boolean): void {
    this.#leading = leading;
    if (leading) this.soon();
    else clearTimeout(this.#timer);
  }

  /** Something may have changed. */
  soon(ms = SETTLE_MS): void {
    if (!this.#leading) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#write(), ms);
  }

  async #write(): Promise<void> {
    const world = this.#options.world();
    if (world === undefined) return;
    this.#busy = true;
    this.#again = false;
    let wait: number | undefined;
    try {
      for (const [subject, status] of planStatuses(world, new Date())) {
        if (!this.#leading) return;
        const later = this.#notYet(subject, status);
        if (later === undefined) continue;
        if (later > 0) wait = Math.min(wait ?? later, later);
        else await this.#apply(subject, status);
      }
      this.#backoff.reset();
    } catch (error) {
      this.#options.onError(`the hub does not take a status: ${messageOf(error)}`);
      wait = this.#backoff.next();
    } finally {
      this.#busy = false;
    }
    if (this.#again) this.soon();
    else if (wait !== undefined) this.soon(wait);
  }

  /** @returns undefined: nothing to write; else milliseconds until it may be written */
  #notYet({ object, file }: StatusSubject, status: Status): number | undefined {
    const before = object.status as Partial<Status> | undefined;
    const core = (conditions: readonly Condition[] = []): unknown =>
      conditions.map(({ type, status: value, reason, message, observedGeneration }) => [
        type,
        value,
        reason,
        message.replaceAll(/\d+/gu, '#'),
        observedGeneration,
      ]);
    const sort = (conditions: readonly Condition[] = []) => [...conditions].sort((a, b) => (a.type < b.type ? -1 : 1));
    if (!isDeepStrictEqual(core(sort(before?.conditions)), core(sort(status.conditions)))) return 0;
    const same =
      before?.summary === status.summary &&
      isDeepStrictEqual(before?.hosts ?? [], status.hosts ?? []) &&
      isDeepStrictEqual(before?.reservedHosts ?? [], status.reservedHosts ?? []) &&
      isDeepStrictEqual(before?.contestedHosts ?? [], status.contestedHosts ?? []) &&
      isDeepStrictEqual(before?.endpoints ?? [], status.endpoints ?? []);
    if (same) return undefined;
    return Math.max(0, (this.#written.get(file) ?? Number.NEGATIVE_INFINITY) + NUMBERS_MS - performance.now());
  }

  async #apply(subject: StatusSubject, status: Status): Promise<void> {
    const { cluster, types } = this.#options;
    const { kind, object, file } = subject;
    const type = types[kind];
    const { name, namespace, uid } = object.metadata;
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }) };
    this.#written.set(file, performance.now());
    try {
      await cluster.apply(
        type,
        { metadata, status },
        { fieldManager: FIELD_MANAGER, force: true, subresource: 'status' },
      );
    } catch (error) {
      // It is gone, or another has its name: that is seen soon.
      if (!isStatus(error, 404, 409)) throw error;
    }
    const before = (object.status as Partial<Status> | undefined)?.conditions ?? [];
    for (const { type: name_, status: value, reason, message } of status.conditions) {
      const was = before.find((each) => each.type === name_);
      if (value !== 'False' || (was?.status === 'False' && was.reason === reason)) continue;
      await this.#events.record({ about: object, type, severity: 'Warning', reason, action: name_, note: message });
    }
  }
}
