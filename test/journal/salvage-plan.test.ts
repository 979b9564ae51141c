// Which pieces of a damaged log a salvage takes: one run of one log, in the order of its writers, that reaches back to
// the first event or to a snapshot that can be used.
import { describe, expect, it } from '@jest/globals';
import type { CheckedSnapshot } from '../../src/journal/offline-snapshots.js';
import { planSalvage } from '../../src/journal/offline-salvage-plan.js';
import type { Piece } from '../../src/journal/salvage-pieces.js';
import { segmentInfo } from '../../src/journal/segment-list.js';

const LOG = { from: 1, to: 9 };

function piece(firstSequence: number, lastSequence: number, more: Partial<Piece> = {}): Piece {
  const segment = segmentInfo('/wal', firstSequence);
  const place = { segment, fromOffset: 0, endOffset: 100, commits: 1 };
  return { ...place, firstSequence, lastSequence, epoch: 2, logId: 'ours', ...more };
}

function snapshot(sequence: number, more: Partial<CheckedSnapshot> = {}): CheckedSnapshot {
  return { path: `${String(sequence)}.snapshot`, sequence, bytes: 1, ...more };
}

function taken(found: readonly Piece[], snapshots: readonly CheckedSnapshot[] = []): number[][] | undefined {
  return planSalvage(found, snapshots, LOG)?.pieces.map((one) => [one.firstSequence, one.lastSequence]);
}

describe('a salvage', () => {
  it('takes what goes on one behind the other from the first event on', () => {
    const found = [piece(4, 6), piece(1, 3), piece(8, 9)];
    expect(planSalvage(found, [], LOG)).toMatchObject({
      lastSequence: 6,
      lost: [{ from: 7, to: 7 }],
      unused: [{ from: 8, to: 9 }],
    });
    expect(taken(found)).toEqual([
      [1, 3],
      [4, 6],
    ]);
  });

  it('takes nothing of another log, wherever it would fit', () => {
    const found = [piece(1, 3), piece(4, 6, { logId: 'theirs' })];
    expect(taken(found)).toEqual([[1, 3]]);
    expect(planSalvage(found, [], LOG)?.lost).toEqual([{ from: 4, to: 9 }]);
  });

  it('takes nothing that an earlier writer left behind what a later one wrote', () => {
    expect(taken([piece(1, 3), piece(4, 6, { epoch: 1 })])).toEqual([[1, 3]]);
    expect(taken([piece(1, 3), piece(4, 6, { epoch: 3 })])).toHaveLength(2);
  });

  it('takes events twice from nowhere: the copy that comes first stays', () => {
    expect(taken([piece(1, 3), piece(2, 3, { epoch: 3 }), piece(4, 6)])).toEqual([
      [1, 3],
      [4, 6],
    ]);
  });

  it('takes events whose beginning is lost only behind a snapshot that can be used', () => {
    const found = [piece(1, 2), piece(5, 9)];
    const error = { code: 'SNAPSHOT_CORRUPT', message: 'damaged' };
    expect(taken(found, [])).toEqual([[1, 2]]);
    expect(taken(found, [snapshot(4, { error })])).toEqual([[1, 2]]);
    expect(taken(found, [snapshot(3)])).toEqual([]);
    expect(taken(found, [snapshot(4)])).toEqual([[5, 9]]);
  });
});
