// Steps of a random history that are about attempts: how they end and what follows, steps, progress, late results.
import type { PawlEvent } from '../../src/domain/events.js';
import type { AttemptResult, ErrorRecord, WaitSpec } from '../../src/domain/run.js';
import type { RunRow } from '../../src/projections/rows.js';
import { event, type Action, type HistoryMaker } from './history-maker.js';
import { changed, leaseEnd } from './history-runs.js';

const error = (code: string | undefined): ErrorRecord => ({
  name: 'Error',
  message: 'it broke',
  retryable: code !== 'TERMINAL',
  ...(code === undefined ? {} : { code }),
});

/** The end of an open attempt, with what follows from it. */
const finish: Action = (maker) => {
  const { random } = maker;
  const row = maker.anyRun(['running']);
  const open = row?.detail?.open;
  if (row === undefined || open === undefined) return undefined;
  const result =
    random.pick<AttemptResult>(['success', 'failure', 'timeout', 'suspended', 'lost', 'canceled']) ??
    'success';
  const failed = result === 'failure' || result === 'timeout' || result === 'lost';
  const code = result === 'lost' ? random.pick(['LOST', 'SHUTDOWN']) : random.pick([undefined, 'TERMINAL']);
  const events: PawlEvent[] = result === 'suspended' ? waits(maker, row) : [];
  events.push(
    event('AttemptFinished', {
      runId: row.id,
      attemptId: open.id,
      result,
      error: failed ? error(code) : undefined,
      output: result === 'success' ? maker.maybe(() => maker.payload()) : undefined,
    }),
  );
  if (random.chance(0.4))
    events.push(
      event('BudgetConsumed', {
        taskId: row.task.id,
        dimension: 'token',
        amount: random.below(20),
        runId: row.id,
      }),
    );
  if (row.detail?.lease !== undefined) events.push(leaseEnd(maker, row));
  events.push(...following(maker, row, result));
  return events;
};

function following(maker: HistoryMaker, row: RunRow, result: AttemptResult): PawlEvent[] {
  const { random } = maker;
  switch (result) {
    case 'success':
      return random.chance(0.3) ? continued(maker, row) : [changed(row, 'completed')];
    case 'suspended':
      return [changed(row, 'suspended', random.chance(0.3) ? 'budget' : undefined)];
    case 'canceled':
      return [changed(row, 'canceled', 'unwanted')];
    default:
      if (random.chance(0.3)) return [changed(row, 'failed', 'cap')];
      return [
        changed(row, 'retryWait', result, maker.now + random.below(10_000)),
        ...(random.chance(0.3)
          ? [event('RunStateChanged', { runId: row.id, from: 'retryWait', to: 'ready' })]
          : []),
      ];
  }
}

function continued(maker: HistoryMaker, row: RunRow): PawlEvent[] {
  const { random } = maker;
  const runId = maker.newId('run');
  const input = maker.payload();
  const taskType = random.chance(0.4) ? 'type-next' : undefined;
  const end = changed(row, 'completed');
  const fact = event('RunContinued', { runId: row.id, successorRunId: runId, input, taskType });
  const { occurrence, priority, task } = row;
  const next = event('RunCreated', {
    runId,
    taskId: task.id,
    occurrence,
    scheduledAt: maker.now,
    priority,
    continuedFrom: row.id,
    input,
    taskType,
  });
  if (random.chance(0.2)) return [fact, end];
  return random.chance(0.5) ? [fact, next, end] : [end, fact, next];
}

function waits(maker: HistoryMaker, row: RunRow): PawlEvent[] {
  const { random } = maker;
  const untilAt = maker.now + random.below(10_000);
  const specs: WaitSpec[] = [
    { kind: 'sleep', untilAt },
    { kind: 'event', key: 'paid' },
    { kind: 'signal', key: 'go', untilAt },
    { kind: 'answer', question: maker.payload() },
    { kind: 'children' },
    {
      kind: 'any',
      of: [
        { name: 'a', wait: { kind: 'sleep', untilAt } },
        { name: 'b', wait: { kind: 'event', key: 'paid' } },
      ],
    },
  ];
  const known = [...(row.detail?.answers?.keys() ?? [])];
  const names = [maker.newId('wait'), ...known].filter(() => random.chance(0.7));
  return names.map((name) =>
    event('WaitStarted', { runId: row.id, name, wait: random.pick(specs) ?? { kind: 'children' } }),
  );
}

const report: Action = (maker) => {
  const row = maker.anyRun(['running'], (one) => one.detail?.open !== undefined);
  const attemptId = row?.detail?.open?.id;
  if (row === undefined || attemptId === undefined) return undefined;
  if (maker.random.chance(0.5))
    return [event('ProgressReported', { runId: row.id, attemptId, value: maker.payload() })];
  return [
    event('StepRecorded', {
      runId: row.id,
      attemptId,
      name: maker.newId('step'),
      output: maker.maybe(() => maker.payload()),
    }),
  ];
};

const refuseLate: Action = (maker) => {
  const row = maker.anyRun(
    ['ready', 'retryWait', 'failed', 'canceled', 'completed'],
    (one) => (one.detail?.attempts.length ?? 0) > 0,
  );
  const attempt = maker.random.pick(row?.detail?.attempts ?? []);
  if (row === undefined || attempt === undefined) return undefined;
  return [
    event('AttemptRefused', {
      runId: row.id,
      attemptId: attempt.id,
      owner: attempt.owner,
      why: 'LEASE_LOST',
    }),
  ];
};

/** What may happen to attempts. */
export const ATTEMPT_ACTIONS: readonly Action[] = [finish, finish, finish, report, refuseLate];
