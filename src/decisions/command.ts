// What a command is: the locks it takes, a pure decision on durable state, and its result, which is rebuilt
// from the commit so that a repeated `commandId` can be answered long afterwards.
import type { Limits } from '../domain/limits.js';
import type { Commit, PawlEvent } from '../domain/events.js';
import type { TransitionTable } from '../machines/transition-table.js';
import type { Projections } from '../projections/projections.js';

/** Everything a decision may know. Nothing in it reads a clock, a disk or chance. */
export interface DecisionContext {
  readonly state: Projections;
  /** Stamp of the commit: max(last stamp, now). For order and display. */
  readonly at: number;
  /** Wall time, milliseconds: schedules are judged by it. */
  readonly now: number;
  /** A new unique id. */
  readonly newId: () => string;
  /** A number in [0, 1), drawn once; what comes of it is written into the event. */
  readonly random: () => number;
  readonly limits: Limits;
  readonly transitions: TransitionTable;
  /** True while a pause is being decided: behind it in the log nothing is promoted any more. Absent: false. */
  readonly pausing?: boolean;
}

/** What was decided: events to commit; or nothing to write and the answer at once. */
export type Decision<R> =
  { readonly events: readonly PawlEvent[] } | { readonly events: readonly []; readonly answer: R };

/** A command. Refusals are thrown as typed errors and write nothing. */
export interface Command<A, R> {
  readonly name: string;
  /** True for what grows the state: refused under overload, when others still pass. */
  readonly admission: boolean;
  /** Ids and named locks, each once, taken all at once. The state tells only what never changes, as the task of a run. */
  locks(args: A, state: Projections): readonly string[];
  /** Tasks that the decision builds on without changing them: none is pruned before the commit is there. Absent: none. */
  readonly keeps?: (args: A) => readonly string[];
  decide(context: DecisionContext, args: A): Decision<R>;
  /** The answer, from the commit; only what the commit left as it was may be told from the state. */
  result(commit: Commit, args: A, context: Pick<DecisionContext, 'state' | 'limits'>): R;
}

/** Lock of the engine's own state; not a legal id, so it meets none. */
export const ENGINE_LOCK = ':engine';
