// Ends an attempt because its process closes: `lost` with the code `SHUTDOWN`, which uses up nothing, so that the run
// starts again right after the next opening. What the attempt has reported goes into the same commit.
import { consumedEvents, decideFinish, type Consumption, type Outcome } from '../decisions/attempts.js';
import { settleLost } from '../decisions/reactions.js';
import type { PawlEvent } from '../domain/events.js';
import type { RunRow } from '../projections/rows.js';
import { commitHeld, type EngineParts } from './engine-parts.js';

/** An attempt whose start is durable. */
export interface Claimed {
  readonly row: RunRow;
  readonly attemptId: string;
}

/** What an attempt has reported and is not written yet. */
export interface Reported {
  readonly consumed: readonly Consumption[];
  readonly progress: readonly PawlEvent[];
}

const NOTHING: Reported = { consumed: [], progress: [] };

/** Resolves when the end is durable, or cannot become so: the start that follows then counts the attempt as lost. */
export async function endByShutdown(parts: EngineParts, attempt: Claimed, reported = NOTHING): Promise<void> {
  const { locks } = parts;
  const { row } = attempt;
  await locks.acquire([row.id]);
  const events = endEvents(parts, attempt, reported);
  if (events.length === 0) {
    locks.releaseOne(row.id);
    return;
  }
  await commitAnyway(parts, row, events);
}

/** Tries once more to write an end that was refused. When that is refused too, the next start counts the attempt as lost. */
export async function finishKept(
  parts: EngineParts,
  { row, attemptId }: Claimed,
  outcome: Outcome,
  { consumed, progress }: Reported,
): Promise<void> {
  const { context, locks, owner } = parts;
  await locks.acquire([row.id]);
  let events: PawlEvent[];
  try {
    events = decideFinish(context.refresh(), { runId: row.id, attemptId, owner, outcome, consumed });
  } catch {
    // A cancellation came first: the result is late, and nothing is written any more.
    locks.releaseOne(row.id);
    return;
  }
  await commitAnyway(parts, row, [...progress, ...events]);
}

function commitAnyway(parts: EngineParts, row: RunRow, events: readonly PawlEvent[]): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      resolve();
    };
    commitHeld(parts, [row.id], events, done, { insists: true });
  });
}

function endEvents(
  parts: EngineParts,
  { row, attemptId }: Claimed,
  { consumed, progress }: Reported,
): PawlEvent[] {
  const context = parts.context.refresh();
  if (context.state.runs.row(row.id) !== row) return [];
  const used = consumed.flatMap((amount) => consumedEvents(context, row, amount));
  // Its own finish, or a cancellation, came first; what it used is kept all the same.
  if (row.detail?.open?.id !== attemptId || row.state !== 'running') return used;
  const [finished, ...rest] = settleLost(context, row, 'SHUTDOWN');
  return finished === undefined ? [] : [...progress, finished, ...used, ...rest];
}
