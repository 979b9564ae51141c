// Before-images: what a snapshot shows although it changed meanwhile, how many bytes of it are kept, and that a snapshot
// which is given up, for that or for any other reason, leaves nothing behind and is no trouble to the state.
import { describe, expect, it } from '@jest/globals';
import type { SavedTask } from '../../src/domain/nouns.js';
import type { SavedRun } from '../../src/domain/run.js';
import { PawlError } from '../../src/errors.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import { SnapshotImages } from '../../src/journal/snapshot-images.js';
import { collectSnapshot } from '../../src/journal/snapshot-loader.js';
import { pourSnapshot } from '../../src/journal/snapshot-model.js';
import { takeSnapshot, type TakeSnapshotOptions } from '../../src/journal/snapshot-store.js';
import type { HistoryMaker } from '../support/history-maker.js';
import { historyMaker } from '../support/history.js';
import { fullSections, sampleRun, sampleSnapshot } from './snapshot-samples.js';

const COMMITS = 600;

function made(seed: number): HistoryMaker {
  const maker = historyMaker(seed);
  for (let count = 0; count < COMMITS; count++) maker.next();
  return maker;
}

/** A clock that lets commits be applied whenever the encoder rests. */
function busyClock(maker: HistoryMaker): NonNullable<TakeSnapshotOptions['clock']> {
  let monotonicMs = 0;
  return {
    monotonicMs: () => (monotonicMs += 10),
    yieldTurn: (task) => {
      for (let count = 0; count < 40; count++) maker.next();
      task();
    },
  };
}

/** Bytes of before-images that one snapshot under that load needs. */
async function neededBytes(seed: number): Promise<number> {
  const { state } = made(seed);
  let images: SnapshotImages | undefined;
  const maker = made(seed);
  const source = {
    epoch: 0,
    capture: (keeper: SnapshotImages) => {
      images = keeper;
      return maker.state.capture(keeper);
    },
  };
  await takeSnapshot(source, new MemoryBackend().snapshots, {
    takenAt: 1,
    clock: busyClock(maker),
  });
  expect(maker.state.stateHash()).not.toBe(state.stateHash());
  return images?.bytes ?? 0;
}

describe('a before-image', () => {
  it('reads as the record it was made of, in every section', () => {
    const images = new SnapshotImages(10_000_000, () => undefined);
    const kept: { read(): object }[] = [];
    const records: object[] = [];
    pourSnapshot(sampleSnapshot(9, fullSections()), {
      header: () => undefined,
      footer: () => undefined,
      record(section, record) {
        records.push(record);
        kept.push(images.keep(section, record), images.keep(section, record));
      },
    });
    expect(records.length).toBeGreaterThan(14);
    expect(kept.map((image) => image.read())).toEqual(records.flatMap((record) => [record, record]));
  });

  it('reads as the run it was made of, whatever its history', () => {
    const images = new SnapshotImages(10_000_000, () => undefined);
    const histories: SavedRun['history'][] = [
      [{ to: 'scheduled', at: 10 }],
      [{ to: 'scheduled', at: 9 }],
      [{ to: 'ready', at: 10 }],
      [{ to: 'scheduled', at: 10, reason: 'why' }],
      [{ from: 'ready', to: 'scheduled', at: 10 }],
    ];
    for (const history of histories) {
      const run = sampleRun('scheduled', { history });
      expect(images.keep('runs', run).read()).toMatchObject({ history });
    }
  });

  it('is told apart from what came after, whatever its size', () => {
    const images = new SnapshotImages(100_000_000, () => undefined);
    const entry = { id: 'e', tenantId: 't', key: 'k', at: 5 };
    const sizes = [10, 2_000_000, 10, 1_048_000, 1_000, 1_048_576];
    const kept = sizes.map((size) =>
      images.keep('ledger', { ...entry, payload: `j"${'x'.repeat(size)}"` as never }),
    );
    expect(kept.map((image) => image.read().payload.length)).toEqual(sizes.map((size) => size + 3));
  });
});

describe('snapshotBeforeImageBytes', () => {
  it.each([
    ['one byte more than is needed', 1, true],
    ['what is needed', 0, true],
    ['one byte less', -1, false],
  ])('of %s', async (_name, more, works) => {
    const bytes = await neededBytes(3);
    expect(bytes).toBeGreaterThan(1_000);
    const maker = made(3);
    const hash = maker.state.stateHash();
    const { snapshots } = new MemoryBackend();
    const taken = takeSnapshot(maker.state, snapshots, {
      takenAt: 1,
      clock: busyClock(maker),
      beforeImageBytes: bytes + more,
    });
    if (works) {
      const { sequence } = await taken;
      const [entry] = await snapshots.list();
      expect(entry?.sequence).toBe(sequence);
      const input = entry === undefined ? undefined : await snapshots.read(entry);
      if (input === undefined) throw new Error('a snapshot was expected');
      expect((await collectSnapshot(input)).header.sequence).toBe(sequence);
      return;
    }
    const max = bytes + more;
    await expect(taken).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      data: { limit: 'snapshotBeforeImageBytes', max },
    });
    expect(snapshots.kept.size).toBe(0);
    expect(maker.state.stateHash()).not.toBe(hash);
    // The state can be captured again, and goes on.
    maker.next();
    await takeSnapshot(maker.state, snapshots, { takenAt: 2 });
    expect(snapshots.kept.size).toBe(1);
  });

  it('keeps nothing any more once it was exceeded, and says so once', () => {
    let told = 0;
    const images = new SnapshotImages(300, () => told++);
    const pruned = { kind: 'run', id: 'r' } as const;
    images.assertComplete();
    for (let count = 0; count < 5; count++) expect(images.keep('pruned', pruned).read()).toEqual(pruned);
    expect(() => {
      images.assertComplete();
    }).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
    expect(told).toBe(1);
    expect(images.bytes).toBeLessThan(600);
  });
});

describe('a record that cannot be encoded', () => {
  it.each<[string, object | undefined, string]>([
    ['by its own rule', { kind: 'run', id: 5 }, 'INVALID_INPUT'],
    ['at all', undefined, 'INTERNAL'],
  ])('%s gives the snapshot up, and nothing throws while it is kept', (_how, record, code) => {
    const images = new SnapshotImages(10_000, () => undefined);
    expect(images.keep('pruned', record as never).read()).toBe(record);
    expect(() => {
      images.assertComplete();
    }).toThrow(expect.objectContaining({ code }));
  });
});

describe('a snapshot that is wanted no more', () => {
  it.each([1, 2, 5, 20])('is given up at look %i and leaves nothing behind', async (wanted) => {
    const maker = made(4);
    const { snapshots } = new MemoryBackend();
    let looks = 0;
    const refusal = (): PawlError | undefined =>
      ++looks < wanted ? undefined : new PawlError('CLOSED', 'The test gave up.', {});
    await expect(takeSnapshot(maker.state, snapshots, { takenAt: 1, refusal })).rejects.toMatchObject({
      code: 'CLOSED',
    });
    expect(snapshots.kept.size).toBe(0);
    maker.state.capture().release();
  });

  it('is not written when a record of it breaks a rule', async () => {
    const maker = made(5);
    const { snapshots } = new MemoryBackend();
    const source = {
      epoch: 0,
      capture: (images: Parameters<typeof maker.state.capture>[0]) => {
        const capture = maker.state.capture(images);
        const sections = capture.sections.map((section) => {
          if (section.name !== 'tasks') return section;
          const [broken, ...others] = Array.from(
            section.records(),
            (record) => structuredClone(record) as SavedTask,
          );
          if (broken === undefined) throw new Error('no task');
          const records = [{ ...broken, canceledAt: broken.createdAt - 1 }, ...others];
          return { ...section, records: () => records };
        });
        return { ...capture, sections };
      },
    };
    await expect(takeSnapshot(source, snapshots, { takenAt: 1 })).rejects.toMatchObject({
      code: 'SNAPSHOT_INVALID',
      data: { rule: 'canceledBeforeCreated' },
    });
    expect(snapshots.kept.size).toBe(0);
  });

  it('is not written when a section came out shorter than it was', async () => {
    const maker = made(5);
    const { snapshots } = new MemoryBackend();
    const source = {
      epoch: 0,
      capture: (images: Parameters<typeof maker.state.capture>[0]) => {
        const capture = maker.state.capture(images);
        const sections = capture.sections.map((section) => ({
          ...section,
          records: () => Array.from(section.records(), (record) => structuredClone(record)).slice(1),
        }));
        return { ...capture, sections };
      },
    };
    await expect(takeSnapshot(source, snapshots, { takenAt: 1 })).rejects.toMatchObject({
      code: 'SNAPSHOT_INVALID',
      data: { rule: 'countMismatch' },
    });
    expect(snapshots.kept.size).toBe(0);
  });
});
