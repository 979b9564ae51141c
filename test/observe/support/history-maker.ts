// Makes legal histories: each commit is one thing the engine could have done to the state so far, chosen by chance,
// so that views are tried on every kind of event about runs.
import type { PawlEvent } from '../../../src/domain/events.js';
import { encodePayload, type Payload } from '../../../src/domain/payload.js';
import type { AttemptResult } from '../../../src/domain/run.js';
import { RUN_STATES, isTerminal, type RunState } from '../../../src/domain/run-state.js';
import {
  DEFAULT_CONSTRAINTS,
  DEFAULT_METADATA,
  DEFAULT_MISFIRE,
  type TaskSpec,
} from '../../../src/domain/task.js';
import type { Projections } from '../../../src/projections/projections.js';
import type { RunRow } from '../../../src/projections/rows.js';

const STAMPS = { sequence: 0, at: 0 };
const OWNER = 'executor';

/** Numbers in [0, 1) that follow from a seed. */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 0x100_0000;
  };
}

/** A payload of a value. */
export function payload(value: unknown): Payload {
  return encodePayload(value, { maxPayloadBytes: 10_000, maxPayloadDepth: 8 });
}

/** A task that asks for 1 000 000 occurrences. */
export function taskCreated(id: string): PawlEvent<'TaskCreated'> {
  const spec: TaskSpec = {
    id,
    type: 'test',
    policy: { kind: 'repeat', count: 1_000_000, intervalMs: 1, misfire: DEFAULT_MISFIRE, overlap: 'allow' },
    constraints: DEFAULT_CONSTRAINTS,
    metadata: DEFAULT_METADATA,
    dependsOn: [],
    budgets: [],
  };
  return { type: 'TaskCreated', ...STAMPS, spec };
}

/** A run of a task. */
export function runCreated(runId: string, taskId: string, occurrence = 0): PawlEvent<'RunCreated'> {
  return { type: 'RunCreated', ...STAMPS, runId, taskId, occurrence, scheduledAt: 5, priority: 0 };
}

/** A change of state. */
export function moved(
  runId: string,
  from: RunState,
  to: RunState,
  reason?: string,
): PawlEvent<'RunStateChanged'> {
  return {
    type: 'RunStateChanged',
    ...STAMPS,
    runId,
    from,
    to,
    reason,
    wakeAt: to === 'retryWait' ? 77 : undefined,
  };
}

/** ready → leased → running. */
export function dispatched(runId: string, number: number): PawlEvent[] {
  return [
    moved(runId, 'ready', 'leased'),
    { type: 'LeaseAcquired', ...STAMPS, runId, owner: OWNER, expiryAt: 50_000 },
    moved(runId, 'leased', 'running'),
    {
      type: 'AttemptStarted',
      ...STAMPS,
      runId,
      attemptId: `${runId}-a${String(number)}`,
      number,
      owner: OWNER,
    },
  ];
}

/** The end of the open attempt, without the change of state. */
export function attemptEnded(row: RunRow, result: AttemptResult, output?: Payload): PawlEvent[] {
  const error =
    result === 'success' || result === 'suspended' || result === 'canceled'
      ? undefined
      : {
          name: 'Error',
          message: result,
          code: result === 'lost' && row.attemptCount % 2 === 0 ? 'SHUTDOWN' : 'X',
          retryable: true,
        };
  const attemptId = row.detail?.open?.id ?? '';
  const lease = row.detail?.lease;
  return [
    { type: 'AttemptFinished', ...STAMPS, runId: row.id, attemptId, result, error, output },
    { type: 'LeaseReleased', ...STAMPS, runId: row.id, owner: OWNER, expiryAt: lease?.expiryAt ?? 0 },
  ];
}

/** Makes commits. */
export class HistoryMaker {
  readonly #state: Projections;
  readonly #random: () => number;
  readonly #prefix: string;
  #ids = 0;

  /** `prefix` tells the ids of one maker from those of another on the same state. */
  constructor(state: Projections, random: () => number, prefix = '') {
    this.#state = state;
    this.#random = random;
    this.#prefix = prefix;
  }

  /** The events of the next commit. */
  next(): PawlEvent[] {
    const open = this.#openRuns();
    const row = open[Math.floor(this.#random() * open.length)];
    if (row === undefined || this.#chance(0.1)) return this.#submission();
    if (this.#chance(0.06)) return this.#pruned() ?? this.#submission();
    if (this.#chance(0.15)) return this.#aside(row);
    return this.#step(row);
  }

  #id(): string {
    return `${this.#prefix}${String(++this.#ids)}`;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(items: readonly [T, ...T[]]): T {
    return items[Math.floor(this.#random() * items.length)] ?? items[0];
  }

  #openRuns(): RunRow[] {
    return RUN_STATES.filter((state) => !isTerminal(state)).flatMap((state) => [
      ...this.#state.runs.inState(state),
    ]);
  }

  #submission(): PawlEvent[] {
    const n = this.#id();
    const taskId = `t${n}`;
    const runId = `r${n}`;
    const second = `r${n}b`;
    return [
      taskCreated(taskId),
      runCreated(runId, taskId, 0),
      ...(this.#chance(0.5) ? [moved(runId, 'scheduled', 'ready')] : []),
      runCreated(second, taskId, 1),
    ];
  }

  #pruned(): PawlEvent[] | undefined {
    const ended = (['completed', 'failed', 'canceled'] as const).flatMap((state) => [
      ...this.#state.runs.inState(state),
    ]);
    const row = ended[0];
    return row && [{ type: 'RunsPruned', ...STAMPS, runIds: [row.id] }];
  }

  /** Something that changes a run without changing its state. */
  #aside(row: RunRow): PawlEvent[] {
    const runId = row.id;
    const n = this.#id();
    const attemptId = row.detail?.open?.id;
    if (row.state === 'scheduled' || row.state === 'ready') {
      return [{ type: 'RunPriorityChanged', ...STAMPS, runId, priority: this.#ids }];
    }
    if (row.state !== 'running' || attemptId === undefined) {
      return [
        {
          type: 'RunSignaled',
          ...STAMPS,
          runId,
          key: `k${n}`,
          payload: this.#chance(0.5) ? payload(n) : undefined,
        },
      ];
    }
    const expiryAt = (row.detail?.lease?.expiryAt ?? 0) + 1;
    return this.#pick<PawlEvent[]>([
      [{ type: 'ProgressReported', ...STAMPS, runId, attemptId, value: payload({ n }) }],
      [{ type: 'LeaseHeartbeat', ...STAMPS, runId, owner: OWNER, expiryAt }],
      [
        {
          type: 'StepRecorded',
          ...STAMPS,
          runId,
          attemptId,
          name: `s${n}`,
          output: this.#chance(0.5) ? payload(n) : undefined,
        },
      ],
      [{ type: 'WaitEnded', ...STAMPS, runId, name: `early${n}`, value: payload('answer') }],
      [
        { type: 'ProgressReported', ...STAMPS, runId, attemptId, value: payload(n) },
        { type: 'AttemptRefused', ...STAMPS, runId, attemptId: 'none', owner: 'other', why: 'late' },
      ],
    ]);
  }

  /** Moves a run on. */
  #step(row: RunRow): PawlEvent[] {
    const { id, state } = row;
    if (this.#chance(0.08)) return this.#canceled(row);
    switch (state) {
      case 'scheduled':
        return [moved(id, 'scheduled', 'ready')];
      case 'ready':
        return dispatched(id, row.attemptCount + 1);
      case 'running':
        return this.#finished(row);
      case 'retryWait':
        return this.#chance(0.1)
          ? [moved(id, 'retryWait', 'failed', 'given up')]
          : [moved(id, 'retryWait', 'ready')];
      case 'suspended':
        return [
          moved(id, 'suspended', 'ready'),
          { type: 'RunResumed', ...STAMPS, runId: id, value: payload('go') },
        ];
      default:
        return this.#submission();
    }
  }

  #canceled(row: RunRow): PawlEvent[] {
    const ending = row.state === 'running' ? attemptEnded(row, 'canceled') : [];
    return [...ending, moved(row.id, row.state, 'canceled', 'by hand')];
  }

  #finished(row: RunRow): PawlEvent[] {
    const { id } = row;
    const kind = this.#pick([
      'success',
      'failure',
      'failed',
      'timeout',
      'lost',
      'suspended',
      'waits',
      'continued',
    ] as const);
    switch (kind) {
      case 'success':
        return [...attemptEnded(row, 'success', payload({ of: id })), moved(id, 'running', 'completed')];
      case 'failed':
        return [...attemptEnded(row, 'failure'), moved(id, 'running', 'failed', 'failure')];
      case 'failure':
      case 'timeout':
        return [...attemptEnded(row, kind), moved(id, 'running', 'retryWait', kind)];
      case 'lost':
        return [
          ...attemptEnded(row, 'lost'),
          moved(id, 'running', 'retryWait', 'lost'),
          moved(id, 'retryWait', 'ready'),
        ];
      case 'suspended':
        return [...attemptEnded(row, 'suspended'), moved(id, 'running', 'suspended', 'budget')];
      case 'waits':
        return this.#waiting(row);
      case 'continued':
        return this.#continued(row);
    }
  }

  #waiting(row: RunRow): PawlEvent[] {
    const [answered] = row.detail?.answers?.keys() ?? [];
    const name = answered ?? `w${this.#id()}`;
    return [
      { type: 'WaitStarted', ...STAMPS, runId: row.id, name, wait: { kind: 'answer' } },
      ...attemptEnded(row, 'suspended'),
      moved(row.id, 'running', 'suspended', 'waits'),
      ...(answered === undefined && this.#chance(0.5)
        ? [{ type: 'WaitEnded' as const, ...STAMPS, runId: row.id, name, value: undefined, timedOut: true }]
        : []),
    ];
  }

  #continued(row: RunRow): PawlEvent[] {
    const successor = `c${this.#id()}`;
    const created: PawlEvent = {
      ...runCreated(successor, row.task.id, row.occurrence),
      continuedFrom: row.id,
      input: payload(successor),
    };
    return [
      ...attemptEnded(row, 'success'),
      {
        type: 'RunContinued',
        ...STAMPS,
        runId: row.id,
        successorRunId: successor,
        input: payload(successor),
      },
      moved(row.id, 'running', 'completed'),
      created,
      ...(this.#chance(0.5) ? [moved(successor, 'scheduled', 'ready')] : []),
    ];
  }
}
