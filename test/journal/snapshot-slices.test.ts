// How the writing of a snapshot shares the event loop: slices of a bounded length, one in a turn, and none in the turn in
// which an operation of the disk was completed.
import { describe, expect, it } from '@jest/globals';
import type { PrunedRecord } from '../../src/domain/nouns.js';
import type { SnapshotOutput } from '../../src/journal/snapshot-store-port.js';
import { SnapshotSlices } from '../../src/journal/snapshot-slices.js';
import { SnapshotStream } from '../../src/journal/snapshot-writer-stream.js';

const RECORDS = 60_000;
const RECORD_MS = 0.01;
const PACE = { minMs: 1, maxMs: 3 };
/** The encoder looks at the clock after so many. */
const LOOK_EVERY = 16;

/** An event loop by hand: in each turn the disk answers first, then comes what was put off to a later turn. */
class Turns {
  /** Only work moves it. */
  nowMs = 0;
  turn = 0;
  answering = false;
  #asked: (() => void)[] = [];
  #putOff: (() => void)[] = [];

  readonly clock = {
    monotonicMs: (): number => this.nowMs,
    yieldTurn: (task: () => void): void => {
      this.#putOff.push(task);
    },
  };

  /** What a disk is asked for, in the turn in which it answers. */
  answer<T>(value: T): Promise<T> {
    return new Promise((resolve) => {
      this.#asked.push(() => {
        resolve(value);
      });
    });
  }

  /** What else there is to do in each turn takes so long. */
  othersMs = 0;

  /** Gives turns until `done` is settled. */
  async giveUntil(done: Promise<unknown>): Promise<void> {
    const state = { settled: false };
    const settle = (): void => {
      state.settled = true;
    };
    done.then(settle, settle);
    await idle();
    while (!state.settled) {
      this.turn++;
      const putOff = this.#putOff.splice(0);
      this.answering = true;
      for (const answer of this.#asked.splice(0)) answer();
      await idle();
      this.answering = false;
      this.nowMs += this.othersMs;
      // What the answers put off comes in this turn, too: that is how Node's immediates go.
      for (const task of [...putOff, ...this.#putOff.splice(0)]) task();
      await idle();
    }
  }
}

/** Lets everything that was promised happen. */
function idle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What was worked on, and when. */
interface Work {
  readonly turn: number;
  readonly answering: boolean;
  readonly ms: number;
}

class Bench {
  readonly work: Work[] = [];
  readonly slices: number[] = [];
  readonly turns = new Turns();
  readonly #bytes: Buffer[] = [];

  /** Records that take time. */
  *records(): IterableIterator<PrunedRecord> {
    for (let index = 0; index < RECORDS; index++) {
      this.#works(RECORD_MS);
      yield { kind: 'task', id: `task-${String(index)}`.padEnd(100, '.') };
    }
  }

  /** A disk that takes time, too, whenever it is asked. */
  readonly output: SnapshotOutput = {
    path: 'by hand',
    append: (bytes) => {
      this.#bytes.push(Buffer.from(bytes));
      return this.#ask(undefined);
    },
    restart: () => Promise.resolve(),
    sync: () => this.turns.answer(undefined),
    readBack: () => {
      const all = Buffer.concat(this.#bytes);
      return this.turns.answer({
        path: 'by hand',
        read: (into: Buffer, from: number, position: number) => this.#ask(all.copy(into, from, position)),
        close: () => Promise.resolve(),
      });
    },
    publish: () => Promise.resolve(),
    abandon: () => Promise.resolve(),
  };

  async write(): Promise<void> {
    const onSlice = (ms: number): void => {
      this.slices.push(ms);
    };
    const stream = new SnapshotStream(this.output, 0, {
      clock: this.turns.clock,
      ...PACE,
      onSlice,
    });
    stream.header({ formatVersion: 1, schemaVersion: 1, takenAt: 1, sequence: 1 });
    await stream.section('pruned', this.records());
    await stream.footer();
    await stream.verify();
  }

  #works(ms: number): void {
    this.turns.nowMs += ms;
    this.work.push({ turn: this.turns.turn, answering: this.turns.answering, ms });
  }

  #ask<T>(value: T): Promise<T> {
    this.#works(RECORD_MS);
    return this.turns.answer(value);
  }
}

async function written(othersMs = 0): Promise<Bench> {
  const bench = new Bench();
  bench.turns.othersMs = othersMs;
  const done = bench.write();
  await bench.turns.giveUntil(done);
  await done;
  return bench;
}

describe('a snapshot that is written beside other work', () => {
  it('takes no turn for longer than a slice, but for the records between two looks at the clock', async () => {
    const { work, slices, turns } = await written();
    const inTurn = new Map<number, number>();
    for (const { turn, ms } of work) inTurn.set(turn, (inTurn.get(turn) ?? 0) + ms);
    expect(inTurn.size).toBeGreaterThan(0.7 * RECORDS * RECORD_MS);
    expect(Math.max(...inTurn.values())).toBeLessThan(PACE.minMs + LOOK_EVERY * RECORD_MS);
    // Each slice is told, those of reading back included, and nothing is left out.
    expect(slices.filter((ms) => ms > 0)).toHaveLength(inTurn.size);
    expect(Math.max(...slices)).toBeCloseTo(Math.max(...inTurn.values()));
    expect(slices.reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(turns.nowMs);
  });

  it('rests as well while what it reads has no record to give', async () => {
    const turns = new Turns();
    const slices: number[] = [];
    const pace = { clock: turns.clock, ...PACE, onSlice: (ms: number) => slices.push(ms) };
    const stream = new SnapshotStream(new Bench().output, 0, pace);
    const passing = function* (): IterableIterator<undefined> {
      for (let index = 0; index < 1_000; index++) {
        turns.nowMs += RECORD_MS;
        yield undefined;
      }
    };
    const done = stream.section('pruned', passing());
    await turns.giveUntil(done);
    expect(slices.length).toBeGreaterThan(8);
    expect(Math.max(...slices)).toBeLessThan(PACE.minMs + 2 * RECORD_MS);
    expect(stream.counts).toEqual({});
  });

  it.each([
    ['as short as beside an idle engine, when the rest of a turn is short', 0.4, PACE.minMs],
    ['as long as the rest of a turn', 2, 2],
    ['no longer than is allowed, when the rest of a turn is longer', 40, PACE.maxMs],
  ])('has slices %s', async (_how, othersMs, wanted) => {
    const { slices } = await written(othersMs);
    const settled = slices.slice(100, -40).filter((ms) => ms >= PACE.minMs);
    expect(settled.length).toBeGreaterThan(10);
    // The disk cuts some slices short.
    expect(Math.max(...settled)).toBeGreaterThanOrEqual(wanted);
    expect(Math.max(...settled)).toBeLessThan(wanted + LOOK_EVERY * RECORD_MS);
  });

  it('does not make up for one long turn with long slices', async () => {
    const turns = new Turns();
    const paced = new SnapshotSlices({ clock: turns.clock, ...PACE });
    turns.nowMs += 5;
    const pause = paced.pause();
    turns.nowMs += 45;
    await turns.giveUntil(pause);
    turns.nowMs += PACE.minMs;
    expect(paced.isOver).toBe(true);
  });

  it('is one without a pace, which nothing ends', async () => {
    const slices = new SnapshotSlices();
    await slices.pause();
    expect(slices.isOver).toBe(false);
  });

  it('does nothing while the disk answers: what was put off has a turn in which it may work', async () => {
    const { work } = await written();
    expect(work.filter(({ answering }) => answering)).toEqual([]);
    expect(work.length).toBeGreaterThan(RECORDS + 10);
  });
});
