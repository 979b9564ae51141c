// When waits are over by themselves.
import type { WaitRecord, WaitSpec } from '../domain/run.js';

/** Earliest moment at which an open wait ends by itself; `undefined` when none does. */
export function earliestUntilAt(waits: ReadonlyMap<string, WaitRecord> | undefined): number | undefined {
  let earliest: number | undefined;
  for (const wait of waits?.values() ?? []) {
    if (wait.endedAt === undefined) earliest = earlier(earliest, untilAtOf(wait.wait));
  }
  return earliest;
}

/** The moment at which a wait ends by itself: its own, or that of the first of those it consists of. */
export function untilAtOf(spec: WaitSpec): number | undefined {
  let earliest: number | undefined;
  const open: WaitSpec[] = [spec];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    earliest = earlier(earliest, next.untilAt);
    if (next.kind === 'any') for (const part of next.of) open.push(part.wait);
  }
  return earliest;
}

function earlier(left: number | undefined, right: number | undefined): number | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return Math.min(left, right);
}
