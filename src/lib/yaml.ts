import {
  LineCounter,
  parseAllDocuments,
  visit,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Document,
  type Node,
} from 'yaml';
import { parsePath } from './field-path.ts';
import { readPlainDocument } from './plain-yaml.ts';
import type { Problem } from './problem.ts';

/** 1-based. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlDocument {
  /** Plain objects, lists, text, numbers, booleans and null; keys are text. */
  readonly value: unknown;
  /** Where the field stands, or if it is not there, what is around it. */
  readonly locate: (field: string) => Position;
}

/** Files with more aliases than this in one document are refused: they can grow without bound when expanded. */
const MAX_ALIASES = 1000;

/** What would be right, for the mistakes that people make. */
const REMEDIES: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'keep one of the two',
  TAB_AS_INDENT: 'indent by spaces',
  BLOCK_AS_IMPLICIT_KEY: 'check the indentation, and quote text that has `: ` in it',
  MISSING_CHAR: 'check that every quote, bracket and brace is closed, and every item of a list begins with `- `',
  BAD_INDENT: 'close every bracket, and indent the fields of one map alike',
  MULTILINE_IMPLICIT_KEY: 'check the indentation, and that every key is followed by `: `',
  TAG_RESOLVE_FAILED: 'remove the tag (the word that begins with `!`)',
  BAD_ALIAS: 'quote text that begins with `*`',
  BAD_DQ_ESCAPE: 'double the backslash, or use single quotes',
  UNEXPECTED_TOKEN: 'quote text that has YAML punctuation in it',
};

/**
 * Reads YAML 1.2 (core schema), one or more documents; empty ones are left out. Never throws. What is kept of the text
 * is the text itself: its tree takes fifty times as much, and is made again when a place is asked for.
 */
export function parseYaml(text: string, file: string): { documents: YamlDocument[]; problems: Problem[] } {
  const documents = plainDocuments(text);
  return documents === undefined ? parseTree(text, file) : { documents, problems: [] };
}

/** A line that begins a document; YAML has no ends of lines but these, while `$` knows others. */
const DOCUMENT = /(?<=^|\n)---(?:\r?(?=\n)|$)/u;
/** A line that is neither empty nor a comment. */
const CONTENT = /(?:^|\n) *(?!\r\n)[^ #\n]/u;

/** Documents that can be read without making a tree of them; undefined when the whole text needs one. */
function plainDocuments(text: string): YamlDocument[] | undefined {
  // A directive is about the documents behind it.
  if (/(?:^|\n)%/u.test(text)) return undefined;
  const documents: YamlDocument[] = [];
  let line = 1;
  for (const part of text.split(DOCUMENT)) {
    const first = line;
    line += linesIn(part);
    if (!CONTENT.test(part)) continue;
    const value = readPlainDocument(part) ?? wholeDocument(part);
    if (value === undefined) return undefined;
    // Of a file with a thousand documents only the one in question is made a tree of.
    if (value !== null) documents.push({ value, locate: (field) => locate(part, 0, field, first) });
  }
  return documents;
}

/** How many ends of lines there are. */
function linesIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** A document by itself, if nothing is wrong with it. */
function wholeDocument(text: string): unknown {
  const { parsed } = parseText(text);
  const [document] = parsed;
  if (document === undefined || parsed.length > 1 || document.errors.length + document.warnings.length > 0)
    return undefined;
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES }) ?? null;
  } catch {
    return undefined;
  }
}

function parseTree(text: string, file: string): { documents: YamlDocument[]; problems: Problem[] } {
  const { parsed, position } = parseText(text);
  const documents: YamlDocument[] = [];
  const problems: Problem[] = [];
  for (const [index, document] of parsed.entries()) {
    // A mistake makes the parser stumble over what follows: only the first one of a document helps.
    const mistake = document.errors[0] ?? document.warnings[0];
    if (mistake !== undefined) {
      const remedy = REMEDIES[mistake.code];
      const message = `not valid YAML: ${lowerFirst(mistake.message)}`;
      const problem: Problem = { severity: 'error', file, ...position(mistake.pos[0]), message };
      problems.push(remedy === undefined ? problem : { ...problem, remedy });
      continue;
    }
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      const message = `not valid YAML: ${lowerFirst(error.message)}`;
      const alias = strayAlias(document);
      const remedy = alias === undefined ? {} : { remedy: REMEDIES['BAD_ALIAS']! };
      problems.push({ severity: 'error', file, ...position(alias ?? document.range[0]), message, ...remedy });
      continue;
    }
    if (value === null || value === undefined) continue;
    documents.push({ value, locate: (field) => locate(text, index, field, 1) });
  }
  return { documents, problems };
}

/** Where an alias stands that has no anchor: mostly a host name such as `*.example.org` without quotes. */
function strayAlias(document: Document.Parsed): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      offset = alias.range?.[0];
      return visit.BREAK;
    },
  });
  return offset;
}

interface ParsedText {
  readonly text: string;
  readonly parsed: readonly Document.Parsed[];
  readonly position: (offset: number) => Position;
}

function parseText(text: string): ParsedText {
  const lineCounter = new LineCounter();
  const options = { lineCounter, prettyErrors: false, stringKeys: true, logLevel: 'silent' } as const;
  const parsed = parseAllDocuments(text, options);
  const position = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line, column: col };
  };
  return { text, parsed: Array.isArray(parsed) ? parsed : [], position };
}

/** The text that a place was asked of last: problems come document by document. */
let located: ParsedText | undefined;

/** @param firstLine of the text in its file */
function locate(text: string, index: number, field: string, firstLine: number): Position {
  if (located?.text !== text) located = parseText(text);
  const { line, column } = located.position(offsetOf(located.parsed[index]!, field));
  return { line: firstLine - 1 + line, column };
}

function offsetOf(document: Document.Parsed, field: string): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const step of parsePath(field)) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
      if (!isPair(pair)) return offset;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step];
      if (!isNode(node)) return offset;
      offset = node.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}

function lowerFirst(text: string): string {
  const first = text.split('\n')[0]!.replace(/[.:]$/u, '');
  return first.slice(0, 1).toLowerCase() + first.slice(1);
}
