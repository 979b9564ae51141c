// A share of the simulated histories: Jest has two workers, and each has one half played, in a process of its own.
// `PAWL_HISTORIES` and `PAWL_FIRST_SEED` ask for another number and for other seeds: for a quick look, for a long one,
// for one seed.
import { expect } from '@jest/globals';
import { Child } from '../process/harness/child.js';
import {
  DEEPEST,
  LET_GO,
  linesOf,
  POLICY_PRUNES,
  REACHABLE,
  REACHABLE_EDGES,
  type Covered,
} from './campaign.js';
import type { HistorySetup } from './history-program.js';

/** Histories from which every reachable fact and edge must have been seen. */
const ENOUGH = 2_000;
/** Seeds between the halves. */
const APART = 1_000_000_000;
/** A guard against hanging, not a measure. */
export const SHARE_LIMIT_MS = 3_600_000;

/** Plays one half, 0 or 1, of so many histories; prints what they covered. */
export async function playShare(half: number, histories: number, firstSeed: number): Promise<void> {
  const counting = Math.ceil(numberOf('PAWL_HISTORIES', histories) / 2);
  const seed = numberOf('PAWL_FIRST_SEED', firstSeed) + half * APART;
  const setup: HistorySetup = { firstSeed: seed, counting };
  const child = new Child('history-program', setup, { folder: '../simulation' });
  const covered = (await child.report()) as Covered;
  process.stdout.write(`from seed ${String(seed)}: ${linesOf(covered)}`);
  expect(covered.counting).toBe(counting);
  if (counting < ENOUGH) return;
  expect(REACHABLE.filter((type) => covered.events[type] === undefined)).toEqual([]);
  expect(REACHABLE_EDGES.filter((edge) => covered.edges[edge] === undefined)).toEqual([]);
  expect(covered.figures[DEEPEST]).toBeGreaterThanOrEqual(3);
  for (const figure of [POLICY_PRUNES, LET_GO]) expect(covered.figures[figure]).toBeGreaterThan(0);
}

/** A whole number from the environment. */
export function numberOf(name: string, fallback: number): number {
  const given = process.env[name];
  if (given === undefined) return fallback;
  const value = Number(given);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`${name} is not a positive whole number: ${given}`);
  return value;
}
