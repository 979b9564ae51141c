// A campaign of kills: a loaded orchestrator is killed at random moments, as often as asked, and what is left is held
// against what was told outside. Every submission that was acknowledged is there; every run is completed, by exactly
// one accepted attempt; none was called again after that; and no handler was called for an attempt that the
// journal does not know.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { openOrchestrator, type RunRecord } from '../../../src/index.js';
import { verify } from '../../../src/journal/index.js';
import { seededRandom } from '../../../src/testing/index.js';
import { onTestEnd, temporaryDirectory } from '../../support/engine.js';
import { Child, opened } from './child.js';
import { readEffects } from './effects.js';

/** Numbers of the submissions of one cycle; no cycle lives long enough to use them up. */
const NUMBERS_A_CYCLE = 1_000_000;
const MAX_MESSAGES = 300;
/** Some are killed while they start: in recovery, in a sweep, or before anything. */
const EARLY_SHARE = 0.25;
const MAX_EARLY_MS = 400;

/** Where a campaign works. */
interface Place {
  readonly dataDir: string;
  readonly effects: string;
}

/** What the processes told before they were killed, and how far the handlers had come by then. */
interface Outside {
  readonly acknowledged: Set<string>;
  /** Run id → handler calls there were when the process that told of its completion was dead. */
  readonly completedBefore: Map<string, number>;
  settled: number;
}

/** When a process is killed: once it has told so many things, or so long after it was started, open or not. */
type Death = { readonly messages: number } | { readonly afterMs: number };

/** Lets one process work, and kills it. */
async function oneLife(outside: Outside, setup: Place & { submitFrom: number }, death: Death): Promise<void> {
  const child = new Child('load', setup);
  if ('afterMs' in death) await sleep(death.afterMs);
  else {
    const { sweeps } = await opened(child);
    outside.settled += sweeps['deadEpoch'] ?? 0;
    let left = death.messages;
    await child.until('some work to be done', () => (left-- === 0 ? true : undefined));
  }
  await child.kill();
  const calls = readEffects(setup.effects).length;
  for (const told of child.told) {
    if (told.type === 'acknowledged') for (const id of told.taskIds) outside.acknowledged.add(id);
    if (told.type === 'completed') for (const id of told.runIds) outside.completedBefore.set(id, calls);
  }
}

async function untilDone(setup: Place): Promise<void> {
  const last = new Child('load', setup);
  await opened(last);
  expect(await last.ended).toEqual({ code: 0, signal: null });
}

async function readRuns(dataDir: string): Promise<Map<string, RunRecord>> {
  const pawl = await openOrchestrator({ dataDir, expectExisting: true });
  onTestEnd(() => pawl.close());
  const runs = new Map<string, RunRecord>();
  let cursor: string | undefined;
  do {
    const page = pawl.projections.runs.list(
      {},
      { limit: 1_000, ...(cursor === undefined ? {} : { cursor }) },
    );
    for (const run of page.items) runs.set(run.id, run);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return runs;
}

/** Kills a loaded orchestrator `cycles` times, at moments chosen by the seed, and checks what is left. */
export async function killCampaign(cycles: number, seed: number): Promise<void> {
  const directory = await temporaryDirectory();
  const setup = { dataDir: join(directory, 'data'), effects: join(directory, 'effects') };
  const random = seededRandom(seed);
  const outside: Outside = {
    acknowledged: new Set(),
    completedBefore: new Map(),
    settled: 0,
  };
  for (let cycle = 0; cycle < cycles; cycle++) {
    const early = random.nextUnit() < EARLY_SHARE;
    const chance = random.nextUnit();
    const death = early
      ? { afterMs: Math.floor(chance * MAX_EARLY_MS) }
      : { messages: 1 + Math.floor(chance * MAX_MESSAGES) };
    await oneLife(outside, { ...setup, submitFrom: cycle * NUMBERS_A_CYCLE }, death);
  }
  await untilDone(setup);
  await verify(setup.dataDir);
  await expectPromisesKept(setup, outside);
  // The kills met work: otherwise nothing was shown.
  expect(outside.acknowledged.size).toBeGreaterThan(cycles);
  expect(outside.completedBefore.size).toBeGreaterThan(cycles);
  expect(outside.settled).toBeGreaterThan(0);
}

async function expectPromisesKept(setup: Place, outside: Outside): Promise<void> {
  const runs = await readRuns(setup.dataDir);
  const byTask = new Map([...runs.values()].map((run) => [run.taskId, run]));
  const lost = [...outside.acknowledged].filter((taskId) => !byTask.has(taskId));
  expect(lost).toEqual([]);
  expect(byTask.size).toBe(runs.size);
  const unfinished = [...runs.values()].filter((run) => run.state !== 'completed');
  expect(unfinished).toEqual([]);

  const effects = readEffects(setup.effects);
  const calls = new Map<string, string[]>();
  for (const { runId, attemptId } of effects) calls.set(runId, [...(calls.get(runId) ?? []), attemptId]);
  const wrong: unknown[] = [];
  for (const run of runs.values()) {
    const accepted = run.attempts.filter((attempt) => attempt.result === 'success');
    const called = calls.get(run.id) ?? [];
    const known = new Set(run.attempts.map((attempt) => attempt.id));
    const once = new Set(called).size === called.length && called.every((id) => known.has(id));
    if (accepted.length !== 1 || !once || called.at(-1) !== accepted[0]?.id) wrong.push({ run, called });
  }
  expect(wrong).toEqual([]);
  expect([...calls.keys()].filter((runId) => !runs.has(runId))).toEqual([]);
  const again = effects.filter(
    ({ runId }, index) => index >= (outside.completedBefore.get(runId) ?? Infinity),
  );
  expect(again).toEqual([]);
}
