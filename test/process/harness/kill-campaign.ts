// A campaign of kills: a loaded orchestrator is killed at random moments, as often as asked, and what is left is held
// against what was told outside (`campaigns/judge.ts`).
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { seededRandom } from '../../../src/testing/index.js';
import { temporaryDirectory } from '../../support/engine.js';
import { Outside, breachesIn } from '../campaigns/judge.js';
import { nothingMet, oneLife, type KillsMet, type Place } from '../campaigns/kill-lives.js';
import { Child, opened } from './child.js';

/** What a campaign came to. */
export interface KillReport {
  readonly seed: number;
  readonly cycles: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly recognisedAgain: number;
  readonly settledBySweeps: number;
  readonly durationMs: number;
  readonly met: KillsMet;
}

async function untilDone(place: Place, outside: Outside): Promise<void> {
  const last = new Child('load', place);
  await opened(last);
  expect(await last.ended).toEqual({ code: 0, signal: null });
  outside.take(last.told, Infinity);
}

/** Kills a loaded orchestrator `cycles` times, at moments chosen by the seed, and checks what is left. */
export async function killCampaign(cycles: number, seed: number): Promise<KillReport> {
  const startedAt = Date.now();
  const directory = await temporaryDirectory();
  const place = { dataDir: join(directory, 'data'), effects: join(directory, 'effects') };
  const random = seededRandom(seed);
  const outside = new Outside();
  const met = nothingMet();
  const start = (name: string, setup: unknown): Child => new Child(name, setup);
  for (let cycle = 0; cycle < cycles; cycle++) await oneLife(start, { place, outside, random, met });
  await untilDone(place, outside);
  const breaches = await breachesIn(place.dataDir, place.effects, outside);
  expect(breaches).toEqual([]);
  // The kills met work: otherwise nothing was shown.
  expect(outside.acknowledged.size).toBeGreaterThan(cycles);
  expect(outside.completedBefore.size).toBeGreaterThan(cycles);
  expect(outside.settled).toBeGreaterThan(0);
  expect(outside.recognised).toBeGreaterThan(0);
  return {
    seed,
    cycles,
    acknowledged: outside.acknowledged.size,
    lost: breaches.length,
    recognisedAgain: outside.recognised,
    settledBySweeps: outside.settled,
    durationMs: Date.now() - startedAt,
    met,
  };
}
