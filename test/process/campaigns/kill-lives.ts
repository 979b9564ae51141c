// Lives of a loaded orchestrator, each ended by `kill -9` at a moment that the seed chose, and what each kill met:
// runs in every state, rotation and snapshots under way, a start that was not finished.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadProjectionFromStorage, verify } from '../../../src/journal/index.js';
import type { RandomSource } from '../../../src/clock.js';
import type { RunState } from '../../../src/index.js';
import type { LoadSetup } from '../programs/protocol.js';
import { readEffects } from './effects.js';
import type { Outside } from './judge.js';
import { opened, type Program } from './program.js';

/** The states in which a kill can meet a run that has not ended. */
export const OPEN_STATES = ['scheduled', 'ready', 'leased', 'running', 'retryWait', 'suspended'] as const;

/** Submissions that the next process sends again. */
const OVERLAP = 100;
const MAX_MESSAGES = 300;
/** Some are killed while they start: in recovery, in a sweep, or before anything. */
const EARLY_SHARE = 0.25;
const MAX_EARLY_MS = 400;
const MAX_MORE_MS = 15;
/** Between some lives a worker claims what is ready. */
const CLAIM_SHARE = 0.3;
const MAX_CLAIMS_SEEN = 6;
const MAX_LEASE_MS = 1_500;

/** Where lives are lived. */
export interface Place {
  readonly dataDir: string;
  readonly effects: string;
}

/** What the kills of a campaign met. */
export interface KillsMet {
  /** Runs that were in the state on disk when a process was killed, added up over all kills. */
  readonly runs: Record<(typeof OPEN_STATES)[number], number>;
  /** Kills before the orchestrator was open. */
  startUp: number;
  /** Kills behind a seal and before the next segment had its name. */
  rotation: number;
  /** Kills with a snapshot under its temporary name. */
  snapshot: number;
  /** Kills of a worker that held leases. */
  claims: number;
}

/** Nothing yet. */
export function nothingMet(): KillsMet {
  return {
    runs: { scheduled: 0, ready: 0, leased: 0, running: 0, retryWait: 0, suspended: 0 },
    startUp: 0,
    rotation: 0,
    snapshot: 0,
    claims: 0,
  };
}

/** Adds what other kills met. */
export function addMet(into: KillsMet, more: KillsMet): void {
  const met = into;
  for (const state of OPEN_STATES) met.runs[state] += more.runs[state];
  met.startUp += more.startUp;
  met.rotation += more.rotation;
  met.snapshot += more.snapshot;
  met.claims += more.claims;
}

/** When a process ends: so long after it has told so many things, or after it was started, open or not. */
export type Death = { readonly afterMs: number; readonly messages?: number };

/** Chooses a death. */
export function chooseDeath(random: RandomSource): Death {
  const early = random.nextUnit() < EARLY_SHARE;
  const chance = random.nextUnit();
  if (early) return { afterMs: Math.floor(chance * MAX_EARLY_MS) };
  // What is told comes right behind an fsync: a moment more, and the end may come anywhere between two of them.
  return { messages: 1 + Math.floor(chance * MAX_MESSAGES), afterMs: random.nextUnit() * MAX_MORE_MS };
}

/** The setup of the next loaded process. */
export function nextSetup(place: Place, outside: Outside): LoadSetup {
  return { ...place, submitFrom: outside.nextNumber(OVERLAP) };
}

/** Resolves at the moment of the death. */
export async function untilDeath(program: Program, { afterMs, messages }: Death): Promise<void> {
  if (messages !== undefined) {
    await opened(program);
    let left = messages;
    await program.until('some work to be done', () => (left-- === 0 ? true : undefined));
  }
  await sleep(afterMs);
}

/** Starts a program of `test/process/programs`. */
export type Start = (name: string, setup: unknown) => Program;

/** One life of a loaded process, and perhaps one of a worker behind it. */
export async function oneLife(
  start: Start,
  { place, outside, random, met }: { place: Place; outside: Outside; random: RandomSource; met: KillsMet },
): Promise<void> {
  const program = start('load', nextSetup(place, outside));
  await untilDeath(program, chooseDeath(random));
  await program.kill();
  outside.take(program.told, readEffects(place.effects).length);
  await note(place.dataDir, met);
  const wasOpen = program.told.some(({ type }) => type === 'opened');
  const counts = met;
  if (!wasOpen) counts.startUp++;
  if (random.nextUnit() < CLAIM_SHARE && wasOpen) await oneClaim(start, { place, random, met });
}

async function oneClaim(
  start: Start,
  { place, random, met }: { place: Place; random: RandomSource; met: KillsMet },
): Promise<void> {
  const leaseMs = 1 + Math.floor(random.nextUnit() * MAX_LEASE_MS);
  const actorId = `worker-${String(met.claims)}`;
  let left = Math.floor(random.nextUnit() * MAX_CLAIMS_SEEN);
  const program = start('claim', { dataDir: place.dataDir, actorId, leaseMs });
  // There may be less to claim: then it is killed while it waits.
  await program.until('claims', ({ type }) =>
    type === 'progress' || (type === 'leased' && left-- <= 0) ? true : undefined,
  );
  await program.kill();
  const counts = met;
  counts.claims++;
  await note(place.dataDir, met);
}

/** Looks at what a kill left, without the lock and without changing anything. */
async function note(dataDir: string, met: KillsMet): Promise<void> {
  if (!existsSync(join(dataDir, 'wal'))) return;
  const has = (folder: string): boolean =>
    existsSync(join(dataDir, folder)) &&
    readdirSync(join(dataDir, folder)).some((name) => name.endsWith('.tmp'));
  const counts = met;
  const { sealed } = await verify(dataDir, { repair: 'truncate-partial' });
  if (sealed || has('wal')) counts.rotation++;
  if (has('snapshots')) counts.snapshot++;
  const { projections } = await loadProjectionFromStorage(dataDir, { readOnly: true });
  for (const state of OPEN_STATES satisfies readonly RunState[])
    counts.runs[state] += projections.runs.countByState(state);
}
