/** Annotation by which an operator accepts changes that are held: their ids, with commas between them. */
export const ACCEPT_CHANGE = 'edgeward.dev/accept-change';

/** A change that is not served, since it would do harm if it were an accident, and nobody was seen to make it. */
export interface HeldChange {
  /** `DomainExport tenant/name`, `Zone origin`, or the path of a file. */
  readonly what: string;
  /** What accepts it. */
  readonly id: string;
  /** Share of what was there that it takes away, 0 to 1. */
  readonly lost: number;
  readonly limit: number;
  /** It sends clients where an operator had said no: an override, a drain or a rule is gone. */
  readonly released?: boolean;
}

/** A held change in words: what happened, and what to do. */
export function explainHeld({ id, lost, limit, released = false }: HeldChange): { message: string; remedy: string } {
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  const what = released
    ? 'a change that sends clients where an override, a drain or a rule kept them away is held'
    : `a change that takes away ${percent(lost)} of it at once is held (at most ${percent(limit)})`;
  return {
    message: `${what}: what was there before is served`,
    remedy: `if it is meant, run \`edgeward accept\` with ${id}, or annotate it or a Zone with ${ACCEPT_CHANGE}=${id}; if not, restore what is missing`,
  };
}
