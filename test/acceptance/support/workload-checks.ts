// Playing a random workload and judging its whole history: caps, keys, exact occurrences, reasons at rest, idle sweeps.
import { expect } from '@jest/globals';
import type { PawlEvent } from '../../../src/domain/events.js';
import { isTerminal } from '../../../src/domain/run-state.js';
import { ManualClock } from '../../../src/testing/manual-clock.js';
import type { TestOrchestrator, TestOrchestratorOptions } from '../../../src/testing/test-orchestrator.js';
import { openTest } from '../../support/engine.js';
import { acting, take, type Step } from './workload.js';

/** Long enough for every retry, schedule and expiry of a workload. */
const TAIL_MS = 300_000;

/** Opens, does all steps, then lets time pass with the engine running. */
export async function play(
  steps: readonly Step[],
  options: TestOrchestratorOptions,
): Promise<TestOrchestrator> {
  const clock = new ManualClock();
  const taskIds: string[] = [];
  let kit = await openTest({
    ...options,
    clock,
    tasks: [acting(clock)],
    concurrency: 3,
    suspectMs: 1_000,
    limits: { repeatWindow: 3, reactionBatch: 4 },
  });
  for (const step of steps) kit = await take(kit, step, taskIds);
  if (kit.pawl.projections.engine.paused) await kit.pawl.resume();
  await clock.advance(TAIL_MS);
  return kit;
}

/** What the whole history of a run says about how often it was executed. */
interface Executions {
  started: number;
  failed: number;
  lost: number;
  spared: number;
  maxAttempts: number;
  maxLostAttempts: number;
}

/** Counts executions, and checks on the way that runs of one key never overlap. */
function executionsOf(events: readonly PawlEvent[]): Map<string, Executions> {
  const tasks = new Map<string, Extract<PawlEvent, { type: 'TaskCreated' }>['spec']>();
  const keys = new Map<string, string>();
  const holders = new Map<string, string>();
  const runs = new Map<string, Executions>();
  for (const event of events) {
    if (event.type === 'TaskCreated') tasks.set(event.spec.id, event.spec);
    else if (event.type === 'RunCreated') {
      const {
        maxAttempts = 0,
        maxLostAttempts = 0,
        concurrencyKey,
      } = tasks.get(event.taskId)?.constraints ?? {};
      runs.set(event.runId, { started: 0, failed: 0, lost: 0, spared: 0, maxAttempts, maxLostAttempts });
      if (concurrencyKey !== undefined) keys.set(event.runId, concurrencyKey);
    } else if (event.type === 'RunStateChanged') {
      const key = keys.get(event.runId);
      if (key === undefined) continue;
      if (event.to === 'leased') {
        expect(holders.get(key)).toBeUndefined();
        holders.set(key, event.runId);
      } else if (event.from === 'running' || (event.from === 'leased' && event.to !== 'running'))
        holders.delete(key);
    } else if (event.type === 'AttemptStarted') count(runs, event.runId, 'started');
    else if (event.type === 'AttemptFinished') {
      const bySelf = event.result === 'failure' || event.result === 'timeout';
      const byCrash = event.result === 'lost' && event.error?.code !== 'SHUTDOWN';
      count(runs, event.runId, bySelf ? 'failed' : byCrash ? 'lost' : 'spared');
    }
  }
  return runs;
}

function count(
  runs: Map<string, Executions>,
  runId: string,
  what: 'started' | 'failed' | 'lost' | 'spared',
): void {
  const executions = runs.get(runId);
  if (executions === undefined) throw new Error(`${runId} was never created`);
  executions[what]++;
}

/** No policy made more occurrences than it asks for, none made two, and no run was executed beyond its caps. */
export function expectWithinCaps(events: readonly PawlEvent[]): void {
  for (const run of executionsOf(events).values()) {
    expect(run.failed).toBeLessThanOrEqual(run.maxAttempts);
    expect(run.lost).toBeLessThanOrEqual(run.maxLostAttempts);
    expect(run.started).toBe(run.failed + run.lost + run.spared);
  }
  const occurrences = new Map<string, Set<number>>();
  for (const event of events) {
    if (event.type === 'TaskCreated') occurrences.set(event.spec.id, new Set());
    if (event.type !== 'RunCreated' || event.retryOf !== undefined) continue;
    const made = occurrences.get(event.taskId);
    expect(made?.has(event.occurrence)).toBe(false);
    made?.add(event.occurrence);
  }
  for (const event of events) {
    if (event.type !== 'TaskCreated') continue;
    const { policy } = event.spec;
    const asked = policy.kind === 'repeat' ? policy.count : 1;
    for (const occurrence of occurrences.get(event.spec.id) ?? []) expect(occurrence).toBeLessThan(asked);
  }
}

/** Every run that has not ended is in the report of idle, with a reason; and only those. */
export async function expectReasons({ pawl }: TestOrchestrator): Promise<void> {
  const open = pawl.projections.runs
    .list({}, { limit: 1_000 })
    .items.filter(({ state }) => !isTerminal(state));
  const { pending, reasons } = await pawl.idle();
  expect(pending).toBe(open.length);
  expect(reasons.flatMap(({ runIds }) => runIds).sort()).toEqual(open.map(({ id }) => id).sort());
  // So long after the last step nothing is due, waits for a retry or is held up; what is left waits for an operator.
  const lasting = ['suspended', 'key held by', 'overlap'];
  expect(reasons.map(({ reason }) => reason).filter((reason) => !lasting.includes(reason))).toEqual([]);
}

/** A start on what is there now writes its epoch and nothing else. */
export async function expectSweepsFindNothing(kit: TestOrchestrator): Promise<void> {
  const { sequence } = kit.pawl.projections;
  const again = await kit.restart();
  const { sweeps } = again.pawl.report;
  expect(sweeps.map(({ name, settled }) => [name, settled])).toEqual(sweeps.map(({ name }) => [name, 0]));
  expect(again.pawl.projections.sequence).toBe(sequence + 1);
  await again.pawl.close();
}

/** Every task made and completed exactly the occurrences it asks for. */
export function expectAllCompleted({ pawl }: TestOrchestrator): void {
  for (const { spec, counts } of pawl.projections.tasks.list({}, { limit: 1_000 }).items) {
    const asked = spec.policy.kind === 'repeat' ? spec.policy.count : 1;
    expect(counts).toMatchObject({ created: asked, completed: asked, failed: 0, canceled: 0, skipped: 0 });
  }
}
