import type { Problem } from '../lib/problem.ts';
import type { StoredResource } from '../model/stored.ts';

/** Collects what is wrong, each with its place. */
export class Report {
  readonly problems: Problem[] = [];

  error(stored: StoredResource, field: string, message: string, remedy: string): void {
    this.#add('error', stored, field, message, remedy);
  }

  warning(stored: StoredResource, field: string, message: string, remedy: string): void {
    this.#add('warning', stored, field, message, remedy);
  }

  /** Problems of another text that a resource names, or of a field's content: they get what place they lack. */
  pass(problems: readonly Problem[], stored: StoredResource, field: string): void {
    for (const problem of problems) {
      if (problem.file !== undefined) {
        this.problems.push(problem);
        continue;
      }
      const inside = problem.field?.startsWith(field) ? problem.field : field;
      this.problems.push({ ...problem, file: stored.file, ...stored.locate(inside) });
    }
  }

  #add(severity: Problem['severity'], stored: StoredResource, field: string, message: string, remedy: string): void {
    const place = { file: stored.file, ...stored.locate(field), field };
    this.problems.push({ severity, ...place, message: oneLine(message), remedy: oneLine(remedy) });
  }
}

/** Values from files are in the text: what they have of control characters must not reach a terminal or a log. */
function oneLine(text: string): string {
  const plain = text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return plain.length > 1000 ? `${plain.slice(0, 997)}...` : plain;
}

/** `FILE:LINE` of a resource, for messages about another one. */
export function placeOf(stored: StoredResource, field = ''): string {
  const line = stored.locate(field)?.line;
  return line === undefined ? stored.file : `${stored.file}:${line}`;
}
