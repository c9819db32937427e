import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { collectGarbage } from '../../src/lib/collect-garbage.ts';
import { Interned } from '../../src/lib/interned.ts';

test('the same content is the same object', () => {
  const interned = new Interned<{ readonly text: string }>();
  const make = (text: string): { readonly text: string } => interned.get(text, () => ({ text }));
  const a = make('a');
  expect(make('a')).toBe(a);
  expect(make('b')).not.toBe(a);
  expect(make('b')).toEqual({ text: 'b' });
});

test('keeps nothing that nobody uses', async () => {
  const interned = new Interned<{ readonly octets: Uint8Array }>();
  const make = (number: number): { readonly octets: Uint8Array } =>
    interned.get(`number ${number}`, () => ({ octets: new Uint8Array(1000) }));
  const kept = make(0);
  for (let i = 1; i < 1000; i++) make(i);
  expect(interned.size).toBe(1000);
  for (let i = 0; i < 100 && interned.size > 1; i++) {
    await sleep(5);
    collectGarbage();
  }
  expect(interned.size).toBe(1);
  expect(make(0)).toBe(kept);
});
