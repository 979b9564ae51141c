// Runs that only wait are read without a record of their own. Whatever has more to it, or claims more, takes the way
// of whole records, where every rule is judged; and both ways come to the same state.
import { describe, expect, it } from '@jest/globals';
import { RUN_STATES, type RunState } from '../../src/domain/run-state.js';
import type { SavedRun } from '../../src/domain/run.js';
import { RecordReader } from '../../src/journal/record-reader.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import { readRun, readRunInto, RunHead, writeRun } from '../../src/journal/snapshot-codec-run.js';
import { validateRun } from '../../src/journal/snapshot-validate-run.js';
import { Projections } from '../../src/projections/projections.js';
import type { SnapshotSection } from '../../src/projections/snapshot-section.js';
import { sampleRun, sampleTask } from './snapshot-samples.js';

function readerOf(write: (out: RecordWriter) => void): RecordReader {
  const out = new RecordWriter(1_024);
  write(out);
  const input = new RecordReader();
  input.reset(Buffer.from(out.bytes.subarray(0, out.position)), 0, out.position);
  return input;
}

const encoded = (run: SavedRun): RecordReader => readerOf((out) => writeRun(out, run));

/** A run whose history and detail are nil, in any state, with a field of a later release behind. */
function claimed(state: RunState): RecordReader {
  return readerOf((out) => {
    out.array(13);
    out.int(10);
    out.begin(10);
    out.id('run-1');
    out.id('task-1');
    out.uint(0);
    out.code(RUN_STATES, state);
    out.int(0);
    out.time(10);
    out.time(11);
    out.optUint(2);
    out.optUint(3);
    out.nil();
    out.nil();
    out.str('of a later release');
  });
}

const WAITING: readonly RunState[] = ['scheduled', 'ready'];

describe('a run without more than its head', () => {
  it.each(WAITING)('is read into it, with the fields of its record: %s', (state) => {
    const run = sampleRun(state, { createdSequence: 7, stateSequence: 9, priority: -3, scheduledAt: 5_000 });
    const head = new RunHead();
    const input = encoded(run);
    expect(readRunInto(input, head)).toBeUndefined();
    expect(input.position).toBe(input.end);
    expect(readRun(encoded(run))).toMatchObject(Object.fromEntries(Object.entries(head)));
  });

  it.each(WAITING)('steps over what a later release added: %s', (state) => {
    const input = claimed(state);
    expect(readRunInto(input, new RunHead())).toBeUndefined();
    expect(input.position).toBe(input.end);
  });
});

describe('a run with more', () => {
  it.each(RUN_STATES.filter((state) => !WAITING.includes(state)))('is read whole: %s', (state) => {
    const run = sampleRun(state);
    expect(readRunInto(encoded(run), new RunHead())).toEqual(readRun(encoded(run)));
  });

  it.each<[string, Partial<SavedRun>]>([
    ['a reason', { reason: 'because' }],
    ['a type of its own', { type: 'other' }],
    ['another history', { history: [{ to: 'scheduled', at: 9 }] }],
  ])('is read whole though it only waits: %s', (_what, more) => {
    const run = sampleRun('scheduled', more);
    expect(readRunInto(encoded(run), new RunHead())).toEqual(readRun(encoded(run)));
  });

  it.each(RUN_STATES.filter((state) => !WAITING.includes(state)))(
    'is refused by its rule when it claims to be %s and has no history',
    (state) => {
      const run = readRunInto(claimed(state), new RunHead());
      expect(run).toMatchObject({ id: 'run-1', state, historyCount: 1 });
      expect(() => {
        validateRun(run as SavedRun);
      }).toThrow(
        expect.objectContaining({
          code: 'SNAPSHOT_INVALID',
          data: expect.objectContaining({ rule: 'historyEnd', id: 'run-1' }),
        }),
      );
    },
  );
});

describe('a run that is loaded from its head', () => {
  const header = { sequence: 9, takenAt: 0 };
  const loadTask = (state: Projections): void => {
    const section = state.sections.find(({ name }) => name === 'tasks') as SnapshotSection<'tasks'>;
    section.load(sampleTask());
  };
  const headOf = (state: RunState): RunHead => {
    const head = new RunHead();
    readRunInto(claimed(state), head);
    return head;
  };
  const loaded = (load: (state: Projections) => void): Projections => {
    const state = new Projections();
    load(state);
    state.finishLoad(header);
    return state;
  };

  it.each(WAITING)('makes the state that its record makes, before or after its task: %s', (name) => {
    const record = readRun(claimed(name));
    const whole = loaded((state) => {
      loadTask(state);
      const section = state.sections.find((one) => one.name === 'runs') as SnapshotSection<'runs'>;
      section.load(record);
    });
    const before = loaded((state) => {
      const head = headOf(name);
      state.runs.loadPlain(head);
      // The draft is used for the next one.
      head.id = 'another';
      head.taskId = 'none';
      loadTask(state);
    });
    const after = loaded((state) => {
      loadTask(state);
      state.runs.loadPlain(headOf(name));
    });
    for (const state of [before, after]) {
      expect(state.stateHash()).toBe(whole.stateHash());
      expect(state.runs.get('run-1')).toEqual(whole.runs.get('run-1'));
      expect(state.timers.nextScheduledAt()).toBe(whole.timers.nextScheduledAt());
      expect(state.tasks.row('task-1')?.openRuns).toBe(1);
    }
  });

  it('is refused when its task never comes', () => {
    expect(() => loaded((state) => state.runs.loadPlain(headOf('ready')))).toThrow(
      expect.objectContaining({
        code: 'SNAPSHOT_INVALID',
        data: expect.objectContaining({ rule: 'unknownReference', id: 'run-1' }),
      }),
    );
  });
});
