// Row 25: the process is killed while runs are in every state that a kill can meet, three times in a row. Each run goes
// on as the contract says: none is stuck, none runs twice, and only attempts that were under way count as lost.
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RunRecord, SubmitOptions } from '../../src/index.js';
import { temporaryDirectory } from '../support/engine.js';
import { Child, opened, startEngine } from './harness/child.js';
import { readEffects } from './campaigns/effects.js';
import type { EngineSetup } from './programs/protocol.js';

const CRASHES = 3;
const TEST_LIMIT_MS = 600_000;
const HOUR_MS = 3_600_000;

let setup: EngineSetup;

beforeEach(async () => {
  const directory = await temporaryDirectory();
  setup = { dataDir: join(directory, 'data'), effects: join(directory, 'effects') };
});

async function submit(
  engine: Child,
  type: string,
  constraints: SubmitOptions['constraints'] = {},
  policy: SubmitOptions['policy'] = { kind: 'once' },
): Promise<string> {
  const { runIds } = await engine.ask('submit', type, { name: type }, { constraints, policy });
  const [runId] = runIds;
  if (runId === undefined) throw new Error(`${type} was submitted without a run`);
  return runId;
}

async function record(engine: Child, runId: string): Promise<RunRecord> {
  const run = await engine.ask('run', runId);
  if (run === undefined) throw new Error(`run ${runId} is gone`);
  return run;
}

/** Resolves when the run is in the state, and asks again until then. */
async function untilState(engine: Child, runId: string, state: RunRecord['state']): Promise<RunRecord> {
  for (;;) {
    const run = await record(engine, runId);
    if (run.state === state) return run;
    await new Promise(setImmediate);
  }
}

/** Every accepted result, and the handler calls, of a run that must have completed. */
function expectCompletedOnce(run: RunRecord, calls: number): void {
  expect(run.state).toBe('completed');
  expect(run.attempts.filter((attempt) => attempt.result === 'success')).toHaveLength(1);
  const effects = readEffects(setup.effects).filter(({ runId }) => runId === run.id);
  expect(effects).toHaveLength(calls);
  expect(new Set(effects.map(({ attemptId }) => attemptId)).size).toBe(calls);
  expect(effects.at(-1)?.attemptId).toBe(run.attempts.at(-1)?.id);
}

describe('a kill, three times in a row', () => {
  it(
    'while scheduled: it stays scheduled, then runs once when it is due',
    async () => {
      let engine = await startEngine(setup);
      const startAt = Date.now() + HOUR_MS;
      const runId = await submit(engine, 'note', {}, { kind: 'once', startAt });
      for (let crash = 0; crash < CRASHES; crash++) {
        await engine.kill();
        engine = await startEngine(setup);
        expect(await record(engine, runId)).toMatchObject({ state: 'scheduled', scheduledAt: startAt });
      }
      await engine.kill();
      engine = await startEngine({ ...setup, clockAheadMs: 2 * HOUR_MS });
      const run = await untilState(engine, runId, 'completed');
      expectCompletedOnce(run, 1);
      expect(run).toMatchObject({ attemptCount: 1, lostAttempts: 0 });
    },
    TEST_LIMIT_MS,
  );

  it(
    'while ready and while running: the ready one waits on, the running one runs again and counts each loss',
    async () => {
      let engine = await startEngine(setup);
      // The key, held also during the retry, keeps the second one ready however fast or slow the first comes back.
      const running = await submit(engine, 'hold', {
        concurrencyKey: 'one',
        maxLostAttempts: 5,
        backoff: { kind: 'fixed', delayMs: 1, jitter: 'none' },
      });
      await engine.untilBegan('hold');
      const ready = await submit(engine, 'note', { concurrencyKey: 'one' });
      for (let crash = 1; crash <= CRASHES; crash++) {
        expect((await record(engine, ready)).state).toBe('ready');
        expect((await record(engine, running)).state).toBe('running');
        await engine.kill();
        engine = await startEngine(setup);
        expect((await opened(engine)).sweeps['deadEpoch']).toBe(1);
        await engine.untilBegan('hold');
        expect(await record(engine, running)).toMatchObject({
          lostAttempts: crash,
          attemptCount: crash + 1,
          failedAttempts: 0,
        });
      }
      await engine.ask('release', 'hold');
      expectCompletedOnce(await untilState(engine, running, 'completed'), CRASHES + 1);
      const waited = await untilState(engine, ready, 'completed');
      expectCompletedOnce(waited, 1);
      expect(waited.lostAttempts).toBe(0);
    },
    TEST_LIMIT_MS,
  );

  it(
    'while running, with the default cap: the third loss fails it with LOST',
    async () => {
      let engine = await startEngine(setup);
      const runId = await submit(engine, 'hold', { backoff: { kind: 'fixed', delayMs: 1, jitter: 'none' } });
      for (let crash = 1; crash <= CRASHES; crash++) {
        await engine.untilBegan('hold');
        await engine.kill();
        engine = await startEngine(setup);
      }
      const run = await untilState(engine, runId, 'failed');
      expect(run).toMatchObject({ reason: 'LOST', attemptCount: CRASHES, lostAttempts: CRASHES });
      expect(run.attempts.map((attempt) => [attempt.result, attempt.error?.code])).toEqual(
        Array.from({ length: CRASHES }, () => ['lost', 'LOST']),
      );
      expect(await engine.ask('idle')).toBe(0);
      expect(readEffects(setup.effects)).toHaveLength(CRASHES);
    },
    TEST_LIMIT_MS,
  );

  it(
    'while leased: the lease of the dead owner is taken back, and the run runs once',
    async () => {
      let engine = await startEngine(setup);
      const runId = await submit(engine, 'note', {}, { kind: 'once', startAt: Date.now() + HOUR_MS });
      await engine.ask('pause');
      for (let crash = 0; crash < CRASHES; crash++) {
        await engine.kill();
        const worker = new Child('lease', {
          dataDir: setup.dataDir,
          runId,
          from: crash === 0 ? 'scheduled' : 'ready',
        });
        await worker.until('the lease', (told) => (told.type === 'leased' ? true : undefined));
        await worker.kill();
        engine = await startEngine(setup);
        const run = await record(engine, runId);
        expect(run).toMatchObject({ state: 'ready', attemptCount: 0 });
        expect(run.lease).toBeUndefined();
      }
      await engine.ask('resume');
      expectCompletedOnce(await untilState(engine, runId, 'completed'), 1);
    },
    TEST_LIMIT_MS,
  );

  it(
    'while it waits for its retry: the moment stays, and no attempt is counted for the kills',
    async () => {
      let engine = await startEngine(setup);
      const runId = await submit(engine, 'fail-once', {
        maxAttempts: 2,
        backoff: { kind: 'fixed', delayMs: HOUR_MS, jitter: 'none' },
      });
      const { wakeAt } = await untilState(engine, runId, 'retryWait');
      expect(wakeAt).toBeGreaterThan(Date.now());
      for (let crash = 0; crash < CRASHES; crash++) {
        await engine.kill();
        engine = await startEngine(setup);
        expect(await record(engine, runId)).toMatchObject({ state: 'retryWait', wakeAt, attemptCount: 1 });
      }
      await engine.kill();
      engine = await startEngine({ ...setup, clockAheadMs: 2 * HOUR_MS });
      const run = await untilState(engine, runId, 'completed');
      expectCompletedOnce(run, 2);
      expect(run).toMatchObject({ attemptCount: 2, failedAttempts: 1, lostAttempts: 0 });
    },
    TEST_LIMIT_MS,
  );

  it(
    'while suspended: it stays suspended until it is resumed, and then runs on',
    async () => {
      let engine = await startEngine(setup);
      const runId = await submit(engine, 'suspend-once');
      await untilState(engine, runId, 'suspended');
      for (let crash = 0; crash < CRASHES; crash++) {
        await engine.kill();
        engine = await startEngine(setup);
        expect(await engine.ask('idle')).toBe(1);
        expect(await record(engine, runId)).toMatchObject({ state: 'suspended', attemptCount: 1 });
      }
      await engine.ask('resumeRun', runId, 'go on');
      const run = await untilState(engine, runId, 'completed');
      expectCompletedOnce(run, 2);
      expect(run).toMatchObject({ attemptCount: 2, failedAttempts: 0, lostAttempts: 0 });
    },
    TEST_LIMIT_MS,
  );
});
