/** One condition of an object's status (meta/v1 Condition). */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase, for programs. */
  readonly reason: string;
  /** For people: what to do, where something is to be done. */
  readonly message: string;
  readonly observedGeneration?: number;
  /** RFC 3339: when `status` last changed. */
  readonly lastTransitionTime: string;
}

/** Longest message that the API takes. */
const LONGEST = 32_768;

/** A condition as it is now; its transition time moves only when its status does. */
export function nextCondition(
  before: readonly Condition[] | undefined,
  now: Omit<Condition, 'lastTransitionTime'>,
  time: Date = new Date(),
): Condition {
  const old = before?.find(({ type }) => type === now.type);
  const message = now.message.length > LONGEST ? `${now.message.slice(0, LONGEST - 3)}...` : now.message;
  const lastTransitionTime =
    old?.status === now.status ? old.lastTransitionTime : time.toISOString().replace(/\.\d+Z$/u, 'Z');
  return { ...now, message, lastTransitionTime };
}
