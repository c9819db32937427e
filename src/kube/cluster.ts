import type { KubeObject, ResourceType } from './objects.ts';

export interface ListOptions {
  /** Undefined: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Objects in one answer; undefined: all. */
  readonly limit?: number | undefined;
  /** Where the answer before ended. */
  readonly continue?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ObjectList {
  readonly items: readonly KubeObject[];
  /** From here on `watch` tells what changed. */
  readonly resourceVersion: string;
  /** Undefined on the last page. */
  readonly continue: string | undefined;
}

export interface WatchOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Undefined only with `sendInitialEvents`. */
  readonly resourceVersion?: string | undefined;
  /** All objects come first as ADDED, and then a bookmark annotated `k8s.io/initial-events-end` (KEP-3157). */
  readonly sendInitialEvents?: boolean;
  /** After so long the server ends the watch. */
  readonly timeoutSeconds: number;
  /** The watch ends when nothing comes for so long; bookmarks come about every minute. */
  readonly inactivityMs: number;
  readonly signal?: AbortSignal | undefined;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: KubeObject }
  | { readonly type: 'ERROR'; readonly object: Status };

/** How the API tells of errors (meta/v1 Status). */
export interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

export interface ApplyOptions {
  readonly fieldManager: string;
  /** Take over fields that another manager owns with other values. */
  readonly force?: boolean;
  readonly subresource?: 'status';
}

export interface DeleteOptions {
  readonly namespace?: string | undefined;
  /** Only this very object, not one made since under its name; else 409. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/**
 * One Kubernetes API server as we use it: a real one (`http-cluster.ts`) or its twin in memory (`memory-cluster.ts`).
 * test/kube/conformance.ts says, for both, what each call does.
 *
 * Every call rejects with `ApiError` for what the server answers, and with another Error for what keeps it from
 * answering.
 */
export interface Cluster {
  /** One page. 410 when `continue` is too old. */
  list(type: ResourceType, options?: ListOptions): Promise<ObjectList>;
  /**
   * Each call sees what happened since `resourceVersion`, until the server ends it. That it is too old shows as
   * ApiError 410, as an ERROR event with code 410, or as an end without any event.
   */
  watch(type: ResourceType, options: WatchOptions): AsyncIterable<WatchEvent>;
  /** Undefined when there is none. */
  get(type: ResourceType, name: string, namespace?: string): Promise<KubeObject | undefined>;
  /** 409 AlreadyExists. */
  create(type: ResourceType, object: KubeObject): Promise<KubeObject>;
  /** Replaces the whole object; 409 Conflict unless its resourceVersion is the current one. */
  update(type: ResourceType, object: KubeObject): Promise<KubeObject>;
  /** Server-side apply; 409 Conflict names the manager that owns a field with another value. */
  apply(type: ResourceType, object: KubeObject, options: ApplyOptions): Promise<KubeObject>;
  /** 404 when there is none; 409 when it is not the one meant. Finalizers keep it until they are taken off. */
  delete(type: ResourceType, name: string, options?: DeleteOptions): Promise<void>;
  /** Resolves when the server can serve: one that has lost its etcd still answers, and cannot. */
  ping(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** What an API server answered in place of what was asked for. */
export class ApiError extends Error {
  /** HTTP status. */
  readonly status: number;
  /** `Conflict`, `Expired`, `Forbidden`: see metav1.StatusReason. */
  readonly reason: string;
  /** How long the server wants to be left alone. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, { reason = '', message = '' }: Status, retryAfterSeconds?: number) {
    super(message === '' ? `the API server answered ${status}` : message);
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export function isStatus(error: unknown, ...codes: readonly number[]): error is ApiError {
  return error instanceof ApiError && codes.includes(error.status);
}

/** What went wrong, with the system's reason behind what undici makes of it. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const reasons = [error.message];
  if (cause instanceof Error && cause.message !== error.message) reasons.push(cause.message);
  if (error instanceof AggregateError) for (const each of error.errors) reasons.push(messageOf(each));
  const text = reasons.filter((reason) => reason !== '').join(': ');
  return text === '' ? ((error as NodeJS.ErrnoException).code ?? error.name) : text;
}

/** Marks the bookmark behind the initial events of a watch. */
export const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
