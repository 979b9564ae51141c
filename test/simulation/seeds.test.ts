// Histories that once broke a promise, each the smallest that did, under a name that says what broke. They are kept as
// they were played, not as seeds: the draw of a history may change.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { History } from './operations.js';
import { play } from './play.js';

const kept = JSON.parse(readFileSync('test/simulation/kept-histories.json', 'utf8')) as readonly {
  readonly name: string;
  readonly history: History;
}[];

describe('a history that once failed', () => {
  it.each(kept)('$name', async ({ history }) => {
    const { violation, eventTypes } = await play(history);
    expect(violation).toBeUndefined();
    expect(eventTypes.length).toBeGreaterThan(0);
  });
});
