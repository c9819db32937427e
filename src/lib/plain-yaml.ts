import { CORE_SCHEMA, load } from 'js-yaml';

/** Tabs, other controls, a byte order mark, ends of lines that are none in YAML, and what is outside the first plane. */
const UNFAMILIAR = /[^\n\r\u0020-\u007e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]|\r(?!\n)/u;

/** Anchors, aliases, tags, long keys, ends of documents, and what merges maps. */
const UNUSUAL = /(?:^|[\s[{,])(?:[&*!?%]|<<|(?:---|\.\.\.)(?=\s|$))/u;

/** Keys that YAML takes for null, a number or the like, which parsers make text of in their own ways. */
const NO_TEXT = /^(?:[-+.~\d].*|null|true|false|nan|infinity|__proto__|)$/iu;

/**
 * The value of one document, by a parser that makes no tree of it and takes a tenth of the time. Where it could see
 * another thing than the whole parser, it is not asked: a test compares the two for any text.
 * @param text without directives, and without the line `---` before the document
 * @returns undefined when the whole parser must say what it is, or what is wrong with it; null is never returned
 */
export function readPlainDocument(text: string): unknown {
  if (UNFAMILIAR.test(text) || UNUSUAL.test(text)) return undefined;
  try {
    const value = load(text, { schema: CORE_SCHEMA });
    return hasPlainKeys(value) ? (value ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

function hasPlainKeys(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(hasPlainKeys);
  for (const [key, each] of Object.entries(value)) if (NO_TEXT.test(key) || !hasPlainKeys(each)) return false;
  return true;
}
