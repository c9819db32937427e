import { readFileSync } from 'node:fs';

const SHORTEST_TOKEN = 16;

/** @throws Error that says what to do, for a token that is too short to keep anybody out */
export function readToken(file: string): string {
  const token = readFileSync(file, 'utf8').trim();
  if (token.length < SHORTEST_TOKEN)
    throw new Error(`the token in ${file} is shorter than ${SHORTEST_TOKEN} characters: make a longer one`);
  return token;
}
