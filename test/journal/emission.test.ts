// One loop hands everything out, in order: what is pushed or let go of while it runs waits its turn, nothing is handed
// out twice, and what one of those who listen throws stops nobody else.
import { describe, expect, it } from '@jest/globals';
import type { Commit } from '../../src/domain/events.js';
import { Emission } from '../../src/journal/emission.js';
import { GatheringBatch } from '../../src/journal/gathering-batch.js';

function batchOf(...sequences: number[]): GatheringBatch {
  const batch = new GatheringBatch();
  for (const firstSequence of sequences) {
    const commit: Commit = { header: { at: 1 }, firstSequence, events: [] };
    batch.keep(commit, () => undefined, false);
  }
  return batch;
}

function emission(): { readonly emission: Emission; readonly thrown: unknown[]; released: number } {
  const thrown: unknown[] = [];
  const made = {
    thrown,
    released: 0,
    emission: new Emission(
      () => {
        made.released++;
      },
      (error) => thrown.push(error),
    ),
  };
  return made;
}

describe('emission', () => {
  it('of what is pushed while it runs comes behind what runs, each commit once', () => {
    const made = emission();
    const seen: number[] = [];
    made.emission.commits.subscribe(({ firstSequence }) => {
      seen.push(firstSequence);
      if (firstSequence === 1) made.emission.push(batchOf(3, 4));
      seen.push(-firstSequence);
    });
    made.emission.push(batchOf(1, 2));
    expect([seen, made.released]).toEqual([[1, -1, 2, -2, 3, -3, 4, -4], 2]);
  });

  it('that is held and let go of while it runs goes on by itself', () => {
    const made = emission();
    const seen: number[] = [];
    made.emission.commits.subscribe(({ firstSequence }) => {
      seen.push(firstSequence);
      made.emission.hold()();
    });
    made.emission.push(batchOf(1, 2));
    expect([seen, made.emission.idle]).toEqual([[1, 2], true]);
  });

  it('that is held twice goes on when both have let go, however often one of them does', () => {
    const made = emission();
    const seen: number[] = [];
    made.emission.commits.subscribe(({ firstSequence }) => seen.push(firstSequence));
    const [one, other] = [made.emission.hold(), made.emission.hold()];
    made.emission.push(batchOf(1));
    one();
    one();
    expect(seen).toEqual([]);
    other();
    expect(seen).toEqual([1]);
  });

  it('that has ended ends at once for whoever comes then, and shows nothing', () => {
    const made = emission();
    made.emission.complete();
    const seen: string[] = [];
    made.emission.commits.subscribe({ next: () => seen.push('next'), complete: () => seen.push('complete') });
    made.emission.push(batchOf(1));
    expect(seen).toEqual(['complete']);
  });

  it('is over for whoever waits when everything pushed before was handed out', async () => {
    const made = emission();
    await made.emission.drained();
    const release = made.emission.hold();
    made.emission.push(batchOf(1));
    let drained = 0;
    const waiting = [1, 2].map(() => made.emission.drained().then(() => drained++));
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(drained).toBe(0);
    release();
    await Promise.all(waiting);
    expect([drained, made.released]).toEqual([2, 1]);
  });

  it('goes on behind a caller that throws, in the same batch and in the next', () => {
    const made = emission();
    const told: number[] = [];
    const batch = new GatheringBatch();
    for (const firstSequence of [1, 2]) {
      batch.keep(
        { header: { at: 1 }, firstSequence, events: [] },
        (_error, commit) => {
          told.push(commit.firstSequence);
          if (firstSequence === 1) throw new Error('the caller');
        },
        false,
      );
    }
    made.emission.push(batch);
    made.emission.push(batchOf(3));
    expect([told, made.thrown.length, made.released]).toEqual([[1, 2], 1, 2]);
  });

  it('lets somebody step in between two batches: at once, or behind what is handed out now', () => {
    const made = emission();
    const seen: (number | string)[] = [];
    made.emission.between(() => seen.push('at once'));
    made.emission.commits.subscribe(({ firstSequence }) => {
      seen.push(firstSequence);
      if (firstSequence === 1) made.emission.between(() => seen.push('between'));
    });
    made.emission.push(batchOf(1, 2));
    made.emission.push(batchOf(3));
    expect(seen).toEqual(['at once', 1, 2, 'between', 3]);
  });

  it('lets somebody step in also when what follows is held back', () => {
    const made = emission();
    const seen: (number | string)[] = [];
    const released: (() => void)[] = [];
    made.emission.commits.subscribe(({ firstSequence }) => {
      seen.push(firstSequence);
      if (firstSequence !== 1) return;
      made.emission.push(batchOf(3));
      released.push(made.emission.hold());
      made.emission.between(() => seen.push('between'));
    });
    made.emission.push(batchOf(1, 2));
    expect(seen).toEqual([1, 2, 'between']);
    for (const release of released) release();
    expect(seen).toEqual([1, 2, 'between', 3]);
  });
});
