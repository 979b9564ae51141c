// Row 27: a task that kills its process is charged with the crashes, and those that were in flight beside it are not:
// it fails with LOST, and all of them complete.
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ConstraintsInput } from '../../src/index.js';
import { temporaryDirectory } from '../support/engine.js';
import { startEngine, type Child } from './harness/child.js';
import { readEffects } from './campaigns/effects.js';
import type { EngineSetup } from './programs/protocol.js';

const INNOCENTS = 9;
const TEST_LIMIT_MS = 600_000;
const backoff = { kind: 'fixed', delayMs: 1, jitter: 'none' } as const;

let setup: EngineSetup;

beforeEach(async () => {
  const directory = await temporaryDirectory();
  setup = { dataDir: join(directory, 'data'), effects: join(directory, 'effects'), suspectMs: 50 };
});

interface Submitted {
  readonly killer: string;
  readonly innocents: readonly string[];
}

/** Submits the killer and the long ones; what comes first is also claimed first. */
async function submitAll(
  engine: Child,
  killerFirst: boolean,
  constraints: ConstraintsInput,
): Promise<Submitted> {
  const one = async (type: string, own: ConstraintsInput): Promise<string> => {
    const { runIds } = await engine.ask('submit', type, { name: type }, { constraints: { ...own, backoff } });
    return runIds[0] ?? '';
  };
  // All of one moment would be ordered by their ids: the priority of being first is said.
  const first = killerFirst ? await one('kill', {}) : undefined;
  const innocents: string[] = [];
  for (let index = 0; index < INNOCENTS; index++) innocents.push(await one('hold', constraints));
  return { killer: first ?? (await one('kill', {})), innocents };
}

/** Tells the killer to strike and waits until the process is gone. */
async function strike(engine: Child): Promise<void> {
  await engine.ask('release', 'kill').catch(() => undefined);
  expect(await engine.ended).toEqual({ code: null, signal: 'SIGKILL' });
}

async function expectVerdict(engine: Child, { killer, innocents }: Submitted): Promise<void> {
  await engine.ask('release', 'hold');
  expect(await engine.ask('idle')).toBe(0);
  expect(await engine.ask('run', killer)).toMatchObject({
    state: 'failed',
    reason: 'LOST',
    attemptCount: 3,
    lostAttempts: 3,
  });
  for (const runId of innocents) {
    const run = await engine.ask('run', runId);
    expect(run?.state).toBe('completed');
    expect(run?.attempts.filter((attempt) => attempt.result === 'success')).toHaveLength(1);
  }
  const calls = readEffects(setup.effects).map(({ attemptId }) => attemptId);
  expect(new Set(calls).size).toBe(calls.length);
}

const everyone = Array.from({ length: INNOCENTS }, () => 'hold');

describe('a task that kills its process three times', () => {
  it.each([
    ['claimed before them', true],
    ['claimed after them', false],
  ])(
    'fails with LOST, %s, and the nine long ones under the same cap complete',
    async (_order, killerFirst) => {
      let engine = await startEngine(setup);
      const submitted = await submitAll(engine, killerFirst, {});
      for (let crash = 0; crash < 2; crash++) {
        await engine.untilBegan('kill', ...everyone);
        await strike(engine);
        engine = await startEngine(setup);
      }
      // Each of the ten is one short of the cap now, so each runs alone: the crash is the killer's.
      if (!killerFirst) await engine.ask('release', 'hold');
      await engine.untilBegan('kill');
      expect((await engine.ask('counts')).running).toBe(1);
      await strike(engine);
      await expectVerdict(await startEngine(setup), submitted);
    },
    TEST_LIMIT_MS,
  );

  it(
    'fails with LOST though it lives long enough for nine long ones to be in flight at each crash, and they complete',
    async () => {
      let engine = await startEngine(setup);
      const submitted = await submitAll(engine, true, { maxLostAttempts: 10 });
      for (let crash = 0; crash < 3; crash++) {
        await engine.untilBegan('kill', ...everyone);
        await strike(engine);
        engine = await startEngine(setup);
      }
      await engine.untilBegan(...everyone);
      await expectVerdict(engine, submitted);
      for (const runId of submitted.innocents) expect((await engine.ask('run', runId))?.lostAttempts).toBe(3);
    },
    TEST_LIMIT_MS,
  );
});
