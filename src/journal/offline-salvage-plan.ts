// Chooses what a salvaged directory is made of. Sequences have no holes, so it is one run of commits, and what it
// cannot reach back to must be in a snapshot: of all runs the one that leads furthest, and of those the longest.
import type { CheckedSnapshot } from './offline-snapshots.js';
import type { Piece } from './salvage-pieces.js';

/** Events from one sequence to another. */
export interface SequenceRange {
  readonly from: number;
  readonly to: number;
}

/** What is taken and what is left. */
export interface SalvagePlan {
  /** Pieces in order, each going on where the one before ends; empty when a snapshot alone is left. */
  readonly pieces: readonly Piece[];
  /** Snapshots that fit to them, newest first. */
  readonly snapshots: readonly CheckedSnapshot[];
  /** Last sequence of the salvaged state. */
  readonly lastSequence: number;
  /** Events that are in no piece. */
  readonly lost: readonly SequenceRange[];
  /** Events that are whole and cannot be used, since what lies before them is lost. */
  readonly unused: readonly SequenceRange[];
}

interface Island {
  readonly pieces: readonly Piece[];
  readonly from: number;
  readonly to: number;
}

/** Plans a salvage; undefined when nothing can be used. `log`: where it began, and the last sequence that is known to have been acknowledged. */
export function planSalvage(
  found: readonly Piece[],
  snapshots: readonly CheckedSnapshot[],
  log: SequenceRange,
): SalvagePlan | undefined {
  const usable = snapshots.filter(({ error }) => error === undefined);
  const islands = islandsOf(found);
  let best: { readonly island: Island | undefined; readonly to: number } | undefined;
  const offer = (island: Island | undefined, to: number): void => {
    if (best === undefined || to > best.to) best = { island, to };
  };
  for (const island of islands) {
    const reached = island.from === 1 || usable.some(({ sequence }) => fits(sequence, island));
    if (reached) offer(island, island.to);
  }
  for (const { sequence } of usable) offer(undefined, sequence);
  if (best === undefined) return undefined;
  const { island, to } = best;
  const kept = usable.filter(({ sequence }) =>
    island === undefined ? sequence === to : fits(sequence, island),
  );
  const range = { from: log.from, to: Math.max(log.to, ...islands.map((one) => one.to)) };
  return {
    pieces: island?.pieces ?? [],
    snapshots: kept,
    lastSequence: to,
    lost: holesOf(islands, range),
    unused: islands.filter((one) => one !== island).map(({ from, to: end }) => ({ from, to: end })),
  };
}

/** A snapshot that stands at or right before an event of the island, so that nothing is missing between them. */
function fits(sequence: number, { from, to }: Island): boolean {
  return sequence >= from - 1 && sequence <= to;
}

/** Pieces of one log that go on one behind the other. */
function islandsOf(found: readonly Piece[]): Island[] {
  const logId = found.find((piece) => piece.logId !== '')?.logId ?? '';
  const ours = found.filter((piece) => piece.logId === '' || piece.logId === logId);
  const islands: { pieces: Piece[]; from: number; to: number }[] = [];
  let epoch = 0;
  for (const piece of [...ours].sort((a, b) => a.firstSequence - b.firstSequence)) {
    const last = islands[islands.length - 1];
    // The same events twice: the copy that came first stays.
    if (last !== undefined && piece.firstSequence <= last.to) continue;
    if (last?.to === piece.firstSequence - 1 && piece.epoch >= epoch) {
      last.pieces.push(piece);
      last.to = piece.lastSequence;
    } else {
      islands.push({ pieces: [piece], from: piece.firstSequence, to: piece.lastSequence });
    }
    epoch = piece.epoch;
  }
  return islands;
}

function holesOf(islands: readonly Island[], range: SequenceRange): SequenceRange[] {
  const holes: SequenceRange[] = [];
  let next = range.from;
  for (const { from, to } of islands) {
    if (from > next) holes.push({ from: next, to: from - 1 });
    next = to + 1;
  }
  if (next <= range.to) holes.push({ from: next, to: range.to });
  return holes;
}
