// Row 30: of the 81 pairs of states the 64 that are no edge are refused, by the start that replays a log and by every
// command; so is a second finish of an attempt.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { isValidTransition } from '../../src/machines/transition-table.js';
import { RUN_STATES, type RunState } from '../../src/domain/run-state.js';
import type { Orchestrator } from '../../src/orchestrator.js';
import type { EventDraft, GivenCommit } from '../../src/testing/given.js';
import { runIn } from '../decisions/support/histories.js';
import { openTest } from '../support/engine.js';
import { foreignLog, leasedElsewhere, remoteRegistered } from './support/foreign-log.js';
import { eventsOf, first, gate, refusal, run } from './support/handlers.js';

const illegal = RUN_STATES.flatMap((from) =>
  RUN_STATES.filter((to) => !isValidTransition(from, to)).map((to) => [from, to] as const),
);

function draftsOf(commit: GivenCommit): readonly EventDraft[] {
  if ('events' in commit) return commit.events;
  return 'type' in commit ? [commit] : commit;
}

describe('the log', () => {
  it('has 64 illegal pairs to offer', () => {
    expect(illegal).toHaveLength(64);
  });

  it.each(illegal)('with a run that goes from %s to %s is refused at start', async (from, to) => {
    const commits = runIn(from).map(draftsOf);
    const dataDir = await foreignLog([...commits, [{ type: 'RunStateChanged', runId: 'r1', from, to }]]);
    const sequence = commits.flat().length + 1;
    const error = await refusal(openTest({ dataDir }), 'REPLAY_REFUSED');
    expect(error.data).toMatchObject({ sequence, type: 'RunStateChanged', rule: 'illegalTransition' });
  });

  it('with a run that changes from a state it is not in is refused at start', async () => {
    const commits = runIn('ready').map(draftsOf);
    const dataDir = await foreignLog([
      ...commits,
      [{ type: 'RunStateChanged', runId: 'r1', from: 'scheduled', to: 'ready' }],
    ]);
    const error = await refusal(openTest({ dataDir }), 'REPLAY_REFUSED');
    expect(error.data).toMatchObject({ rule: 'stateMismatch' });
  });

  it('with a second finish of an attempt is refused at start', async () => {
    const commits = runIn('completed').map(draftsOf);
    const dataDir = await foreignLog([
      ...commits,
      [{ type: 'AttemptFinished', runId: 'r1', attemptId: 'a1', result: 'success' }],
    ]);
    const error = await refusal(openTest({ dataDir }), 'REPLAY_REFUSED');
    expect(error.data).toMatchObject({ type: 'AttemptFinished', rule: 'attemptMismatch' });
  });
});

type Command = (pawl: Orchestrator, runId: string) => Promise<unknown>;

/** Each command about a run, the state it asks for, and the states from which it does something or nothing. */
const commands: readonly [name: string, to: RunState | undefined, taken: readonly RunState[], Command][] = [
  [
    'cancelRun',
    'canceled',
    ['scheduled', 'ready', 'leased', 'running', 'retryWait', 'suspended', 'canceled'],
    (pawl, runId) => pawl.cancelRun(runId),
  ],
  ['suspendRun', 'suspended', ['running'], (pawl, runId) => pawl.suspendRun(runId)],
  ['resumeRun', 'ready', ['suspended'], (pawl, runId) => pawl.resumeRun(runId)],
  ['setRunPriority', undefined, ['scheduled', 'ready'], (pawl, runId) => pawl.setRunPriority(runId, 9)],
  ['retryRun', undefined, ['failed', 'canceled'], (pawl, runId) => pawl.retryRun(runId)],
];

/** A log with one run in each of the nine states; those with a lease are held by a remote actor. */
async function nineStates(): Promise<{ pawl: Orchestrator; runIds: Record<RunState, string> }> {
  const commits: (readonly EventDraft[])[] = [[remoteRegistered]];
  const runIds = {} as Record<RunState, string>;
  const far = 1_900_000_000_000;
  for (const state of RUN_STATES) {
    const remote = state === 'leased' || state === 'running';
    const history = remote
      ? [...runIn('ready').map(draftsOf), leasedElsewhere('r1', state === 'running' ? 'a1' : undefined)]
      : runIn(state).map(draftsOf);
    runIds[state] = `run-${state}`;
    for (const drafts of history) commits.push(drafts.map((draft) => ofState(draft, state, far)));
  }
  const { pawl } = await openTest({ dataDir: await foreignLog(commits) });
  return { pawl, runIds };
}

/** The draft with ids of its own, everything that is due put far away. */
function ofState(draft: EventDraft, state: RunState, far: number): EventDraft {
  const named = 'runId' in draft ? { ...draft, runId: `run-${state}` } : draft;
  switch (named.type) {
    case 'TaskCreated':
      return { ...named, spec: { ...named.spec, id: `task-${state}` } };
    case 'RunCreated':
      return { ...named, taskId: `task-${state}`, ...(state === 'scheduled' ? { scheduledAt: far } : {}) };
    case 'RunStateChanged':
      return named.wakeAt === undefined ? named : { ...named, wakeAt: far };
    default:
      return named;
  }
}

describe('a command', () => {
  it.each(commands)(
    '%s is refused from every state it does not start from',
    async (_name, to, taken, command) => {
      const { pawl, runIds } = await nineStates();
      expect(RUN_STATES.map((state) => run(pawl, runIds[state]).state)).toEqual([...RUN_STATES]);
      const { sequence } = pawl.projections;
      for (const from of RUN_STATES.filter((state) => !taken.includes(state))) {
        const error = await refusal(command(pawl, runIds[from]), 'INVALID_TRANSITION');
        expect(error.data).toMatchObject({ runId: runIds[from], from, ...(to === undefined ? {} : { to }) });
      }
      expect(pawl.projections.sequence).toBe(sequence);
      for (const from of taken) await command(pawl, runIds[from]);
    },
  );
});

describe('a second finish', () => {
  it('of an attempt that was suspended meanwhile is refused, recorded once and not applied', async () => {
    const opened = gate();
    const kit = await openTest({
      tasks: [
        defineTask('work', async () => {
          await opened.promise;
          return 'late';
        }),
      ],
    });
    const runId = first((await kit.pawl.submit('work')).runIds);
    kit.park(runId);
    await kit.clock.settle();
    await kit.pawl.suspendRun(runId);
    opened.open(undefined);
    await kit.clock.settle();
    const record = run(kit.pawl, runId);
    expect(record).toMatchObject({ state: 'suspended', reason: 'operator', attemptCount: 1 });
    expect(record.attempts).toMatchObject([{ result: 'suspended', refused: true }]);
    expect(record.attempts[0]?.output).toBeUndefined();
    expect(await eventsOf(kit.pawl, 'AttemptRefused')).toMatchObject([{ runId, why: 'ATTEMPT_MISMATCH' }]);
    expect(await eventsOf(kit.pawl, 'AttemptFinished')).toHaveLength(1);
  });

  it('of an attempt that timed out is refused, recorded once and not applied', async () => {
    const opened = gate();
    const kit = await openTest({
      tasks: [defineTask('work', () => opened.promise)],
      timeoutGraceMs: 100,
    });
    const runId = first(
      (await kit.pawl.submit('work', undefined, { constraints: { timeoutMs: 1_000 } })).runIds,
    );
    kit.park(runId);
    await kit.clock.advance(1_100);
    expect(run(kit.pawl, runId)).toMatchObject({ state: 'failed', reason: 'timeout' });
    opened.open(undefined);
    await kit.clock.settle();
    expect(run(kit.pawl, runId)).toMatchObject({
      state: 'failed',
      attempts: [{ result: 'timeout', refused: true }],
    });
    expect(await eventsOf(kit.pawl, 'AttemptRefused')).toMatchObject([{ runId, why: 'LEASE_LOST' }]);
  });
});
