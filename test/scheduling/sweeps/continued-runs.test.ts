// Row 58 on a canned port: it answers by the number of reads, and touching anything a sweep must not touch throws.
// What the sweep does on the engine's own state is in `test/acceptance/continued-runs.test.ts`.
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../../src/domain/limits.js';
import { encodePayload } from '../../../src/domain/payload.js';
import { PawlError } from '../../../src/errors.js';
import type { LogFields } from '../../../src/logger.js';
import {
  sweepContinuedRuns,
  type ContinuedRun,
  type DurableSuccessor,
  type StartupRecoveryContext,
} from '../../../src/scheduling/sweeps/continued-runs.js';

const SELF = 'starter-1';
const OTHER = 'starter-2';

function continued(runId: string, more: Partial<ContinuedRun> = {}): ContinuedRun {
  return {
    runId,
    successorRunId: `${runId}-next`,
    taskId: 'task-1',
    occurrence: 0,
    priority: 0,
    input: encodePayload({ from: runId }, DEFAULT_LIMITS),
    ...more,
  };
}

/** What the port says to a read or a start: the n-th of a run. */
interface Script {
  read?(n: number, run: ContinuedRun): DurableSuccessor | undefined;
  start?(n: number, run: ContinuedRun): void;
}

interface Canned {
  readonly context: StartupRecoveryContext;
  readonly calls: string[];
  readonly started: ContinuedRun[];
  readonly lines: { fields: LogFields; message: string }[];
  count(call: string): number;
}

function canned(runs: readonly ContinuedRun[], script: Script = {}): Canned {
  const calls: string[] = [];
  const started: ContinuedRun[] = [];
  const lines: Canned['lines'] = [];
  const count = (call: string): number => calls.filter((each) => each === call).length;
  const unexpected = (): never => {
    throw new Error('A lost race is logged at info and nothing else is logged.');
  };
  const port: StartupRecoveryContext = {
    starter: SELF,
    logger: {
      debug: unexpected,
      warn: unexpected,
      error: unexpected,
      info: (fields, message) => lines.push({ fields, message }),
    },
    listContinued: () => {
      calls.push('list');
      return Promise.resolve(runs);
    },
    readSuccessor: async (run) => {
      await Promise.resolve();
      calls.push(`read ${run.runId}`);
      return script.read?.(count(`read ${run.runId}`), run);
    },
    startSuccessor: async (run) => {
      await Promise.resolve();
      calls.push(`start ${run.runId}`);
      script.start?.(count(`start ${run.runId}`), run);
      started.push(run);
    },
  };
  const context = new Proxy(port, {
    get(target, name, receiver) {
      if (!(name in target)) throw new Error(`The sweep touched ${String(name)}.`);
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
  return { context, calls, started, lines, count };
}

/** Errors that a start may fail with: none of them says whether another starter won. */
const failures: [string, Error][] = [
  ['UNKNOWN_TASK_TYPE', new PawlError('UNKNOWN_TASK_TYPE', 'No handler.', { type: 'checkout' })],
  [
    'SEQUENCE_CONFLICT',
    Object.assign(new Error('Another sequence.'), { code: 'SEQUENCE_CONFLICT', expected: 2, found: 3 }),
  ],
];

describe('a continued run without a successor', () => {
  it('gets it: one start, with what the fact says, and no second read', async () => {
    const run = continued('run-1', { taskType: 'checkout', priority: 3, occurrence: 2 });
    const port = canned([run]);
    await expect(sweepContinuedRuns(port.context)).resolves.toEqual({ started: 1, lostRaces: 0 });
    expect(port.started).toEqual([run]);
    expect(port.calls).toEqual(['list', 'read run-1', 'start run-1']);
    expect(port.lines).toEqual([]);
  });

  it('is the last of three rotations: the first two are left alone', async () => {
    const runs = [continued('run-1'), continued('run-2'), continued('run-3')];
    const port = canned(runs, {
      read: (_n, run) =>
        run.runId === 'run-3' ? undefined : { runId: run.successorRunId, startedBy: 'journal' },
    });
    await expect(sweepContinuedRuns(port.context)).resolves.toEqual({ started: 1, lostRaces: 0 });
    expect(port.started.map((run) => run.runId)).toEqual(['run-3']);
  });
});

describe('a continued run with a successor', () => {
  it('is read once and never started', async () => {
    const port = canned([continued('run-1')], {
      read: () => ({ runId: 'run-1-next', startedBy: 'journal' }),
    });
    await expect(sweepContinuedRuns(port.context)).resolves.toEqual({ started: 0, lostRaces: 0 });
    expect(port.calls).toEqual(['list', 'read run-1']);
  });

  it('is not there at all on a log without continued runs', async () => {
    const port = canned([]);
    await expect(sweepContinuedRuns(port.context)).resolves.toEqual({ started: 0, lostRaces: 0 });
    expect(port.calls).toEqual(['list']);
  });
});

describe.each(failures)('a start that fails with %s', (_code, failure) => {
  const failing = (): never => {
    throw failure;
  };

  it('is benign when the second read shows the successor of another starter, and others are still swept', async () => {
    const runs = [continued('run-1'), continued('run-2')];
    const port = canned(runs, {
      read: (n, run) =>
        run.runId === 'run-1' && n === 2 ? { runId: run.successorRunId, startedBy: OTHER } : undefined,
      start: (_n, run) => {
        if (run.runId === 'run-1') failing();
      },
    });
    await expect(sweepContinuedRuns(port.context)).resolves.toEqual({ started: 1, lostRaces: 1 });
    expect([port.count('start run-1'), port.count('read run-1')]).toEqual([1, 2]);
    expect(port.started.map((run) => run.runId)).toEqual(['run-2']);
    expect(port.lines).toEqual([
      {
        fields: { component: 'sweep', runId: 'run-1', successorRunId: 'run-1-next', err: failure },
        message: 'lost start race of a continued run is benign',
      },
    ]);
  });

  it('fails the sweep with that very error when there is no successor', async () => {
    const port = canned([continued('run-1'), continued('run-2')], { start: failing });
    await expect(sweepContinuedRuns(port.context)).rejects.toBe(failure);
    expect(port.calls).toEqual(['list', 'read run-1', 'start run-1', 'read run-1']);
    expect(port.lines).toEqual([]);
  });

  it('fails it too when the successor is our own: a later step failed, no race was lost', async () => {
    const port = canned([continued('run-1')], {
      read: (n, run) => (n === 2 ? { runId: run.successorRunId, startedBy: SELF } : undefined),
      start: failing,
    });
    await expect(sweepContinuedRuns(port.context)).rejects.toBe(failure);
    expect(port.calls).toEqual(['list', 'read run-1', 'start run-1', 'read run-1']);
    expect(port.lines).toEqual([]);
  });

  it('gives way to the error of the second read when that fails', async () => {
    const unreadable = new PawlError('JOURNAL_CORRUPT', 'The second read fails.');
    const port = canned([continued('run-1')], {
      read: (n) => {
        if (n === 2) throw unreadable;
        return undefined;
      },
      start: failing,
    });
    await expect(sweepContinuedRuns(port.context)).rejects.toBe(unreadable);
    expect(port.count('start run-1')).toBe(1);
  });
});

describe('a sweep', () => {
  it('fails with the error of the listing, or of the first read, and starts nothing', async () => {
    const broken = new PawlError('JOURNAL_CORRUPT', 'Nothing can be read.');
    const unread = canned([continued('run-1')], {
      read: () => {
        throw broken;
      },
    });
    await expect(sweepContinuedRuns(unread.context)).rejects.toBe(broken);
    const unlisted: StartupRecoveryContext = {
      ...unread.context,
      listContinued: () => Promise.reject(broken),
    };
    await expect(sweepContinuedRuns(unlisted)).rejects.toBe(broken);
    expect(unread.started).toEqual([]);
  });

  it('fails with the typed error of a start whose task is missing', async () => {
    const missing = new PawlError('TASK_UNKNOWN', 'No task task-1.', { taskId: 'task-1' });
    const port = canned([continued('run-1')], {
      start: () => {
        throw missing;
      },
    });
    await expect(sweepContinuedRuns(port.context)).rejects.toBe(missing);
  });
});

describe('two starters at once', () => {
  it('make exactly one successor', async () => {
    const store = new Map<string, DurableSuccessor>();
    const conflict = new Error('The successor is there.');
    const starter = (name: string): Canned => {
      const port = canned([continued('run-1'), continued('run-2')], {
        read: (_n, run) => store.get(run.runId),
        start: (_n, run) => {
          if (store.has(run.runId)) throw conflict;
          store.set(run.runId, { runId: run.successorRunId, startedBy: name });
        },
      });
      return { ...port, context: { ...port.context, starter: name } };
    };
    const [left, right] = [starter(SELF), starter(OTHER)];
    const reports = await Promise.all([sweepContinuedRuns(left.context), sweepContinuedRuns(right.context)]);
    expect(reports.reduce((sum, report) => sum + report.started, 0)).toBe(2);
    expect(reports.reduce((sum, report) => sum + report.lostRaces, 0)).toBeGreaterThan(0);
    expect([...left.started, ...right.started].map((run) => run.runId).sort()).toEqual(['run-1', 'run-2']);
  });
});
