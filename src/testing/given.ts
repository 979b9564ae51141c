// Specifications of decisions: given what is durable, when this is decided, then these events or this refusal. No
// journal, no clock, no disk; what was decided is folded into the state too, so events that replay would refuse fail
// here. `then` is called with what is expected and returns at once: never await it.
import type { Command, DecisionContext } from '../decisions/command.js';
import type { Commit, EventFields, EventType, PawlEvent } from '../domain/events.js';
import { DEFAULT_LIMITS, type Limits } from '../domain/limits.js';
import { canonicalJson } from '../domain/payload.js';
import { isPawlError, PawlError, type ErrorCode } from '../errors.js';
import { transitionTable, type TransitionTable } from '../machines/transition-table.js';
import { Projections } from '../projections/projections.js';

/** An event without the place and the time that the journal gives it. */
export type EventDraft<T extends EventType = EventType> = {
  [K in T]: { readonly type: K } & Readonly<EventFields[K]>;
}[T];

/** A commit that is durable already: one event, several, or several at a moment of their own. */
export type GivenCommit =
  EventDraft | readonly EventDraft[] | { readonly at: number; readonly events: readonly EventDraft[] };

/** What a decision may know beside the state. */
export interface GivenOptions {
  /** Wall time of the decision, milliseconds. Default: the time of the last commit. */
  readonly now?: number;
  /** Limits by name; the rest are the defaults. */
  readonly limits?: Partial<Limits>;
  /** Chance, in [0, 1). Default: always one half. */
  readonly random?: () => number;
  /** Ids, in the order they are asked for. Default: `new-1`, `new-2` and so on. */
  readonly newId?: () => string;
  /** Edges of the life of a run. Default: those of the run machine. */
  readonly transitions?: TransitionTable;
}

/** What is expected: events; a refusal, `data` naming some of its fields; or an answer without events. */
export type Expected<R> =
  | readonly EventDraft[]
  | { readonly code: ErrorCode; readonly data?: Readonly<Record<string, unknown>> }
  | { readonly answer: R };

/** What a decision came to, once it was as expected. */
export interface Decided<R> {
  readonly events: readonly PawlEvent[];
  /** The state with the events applied. */
  readonly state: Projections;
  /** The answer of a command; `undefined` when it was refused, or when a bare decision was specified. */
  readonly result: R | undefined;
}

/** A decision, ready to be compared. */
export interface WhenDecided<R> {
  /** Compares. Errors: `INTERNAL`, saying what was expected and what came. */
  then(expected: Expected<R>): Decided<R>;
}

/** A state to decide on. */
export interface GivenState {
  /** The state. */
  readonly state: Projections;
  /** Decides a command. */
  when<A, R>(command: Command<A, R>, args: A): WhenDecided<R>;
  /** Decides by a function from context to events. */
  when(decide: (context: DecisionContext) => readonly PawlEvent[]): WhenDecided<undefined>;
}

/** Time of the first given commit without one of its own; each later one comes a second after the one before. */
const FIRST_AT = 1_000;
const STEP_MS = 1_000;

/** The state that these commits make, to decide on. */
export function given(commits: readonly GivenCommit[], options: GivenOptions = {}): GivenState {
  const transitions = options.transitions ?? transitionTable;
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const state = new Projections({ transitions, limits });
  for (const commit of commits) applyGiven(state, commit);
  let made = 0;
  const now = options.now ?? state.lastAt;
  const context: DecisionContext = {
    state,
    at: Math.max(state.lastAt, now),
    now,
    newId: options.newId ?? (() => `new-${String(++made)}`),
    random: options.random ?? (() => 0.5),
    limits,
    transitions,
  };
  function when<A, R>(
    what: Command<A, R> | ((context: DecisionContext) => readonly PawlEvent[]),
    args?: A,
  ): WhenDecided<R> {
    if (typeof what === 'function') return decided(context, () => ({ events: what(context) }), undefined);
    const command = what;
    return decided(
      context,
      () => {
        command.locks(args as A, state);
        return command.decide(context, args as A);
      },
      (commit) => command.result(commit, args as A, context),
    );
  }
  return { state, when };
}

interface Came<R> {
  readonly events: readonly PawlEvent[];
  readonly answer?: R;
}

function decided<R>(
  context: DecisionContext,
  decide: () => Came<R>,
  resultOf: ((commit: Commit) => R) | undefined,
): WhenDecided<R> {
  let came: Came<R> | undefined;
  let refusal: PawlError | undefined;
  try {
    came = decide();
  } catch (error) {
    if (!isPawlError(error)) throw error;
    refusal = error;
  }
  return {
    then(expected) {
      if (typeof expected === 'function')
        throw mismatch('what is expected', 'a promise: do not await `then`');
      compare(expected, came, refusal);
      if (came === undefined || came.events.length === 0) {
        return { events: [], state: context.state, result: came?.answer };
      }
      const commit = applyEvents(context.state, context.at, came.events);
      return { events: commit.events, state: context.state, result: resultOf?.(commit) };
    },
  };
}

function compare<R>(expected: Expected<R>, came: Came<R> | undefined, refusal: PawlError | undefined): void {
  if ('code' in expected) {
    const data = expected.data ?? {};
    if (refusal === undefined) throw mismatch(expected, came?.events.map(bare));
    const named = Object.keys(data).map((name) => [name, refusal.data[name]] as const);
    requireSame({ code: expected.code, data }, { code: refusal.code, data: Object.fromEntries(named) });
    return;
  }
  if (refusal !== undefined) throw mismatch(expected, { code: refusal.code, data: refusal.data });
  if ('answer' in expected)
    requireSame([expected.answer], came?.events.length === 0 ? [came.answer] : came?.events.map(bare));
  else requireSame(expected, came?.events.map(bare));
}

function requireSame(expected: unknown, came: unknown): void {
  if (canonicalJson(expected) !== canonicalJson(came)) throw mismatch(expected, came);
}

function mismatch(expected: unknown, came: unknown): PawlError {
  const show = (value: unknown): string => JSON.stringify(value, undefined, 2);
  return new PawlError('INTERNAL', `Expected ${show(expected)}\nbut it came to ${show(came)}`, {
    expected,
    came,
  });
}

/** The event as it was decided: place and time are the journal's. */
function bare(event: PawlEvent): object {
  const { sequence: _sequence, at: _at, ...rest } = event;
  return rest;
}

function applyGiven(state: Projections, commit: GivenCommit): void {
  const nextAt = state.sequence === 0 ? FIRST_AT : state.lastAt + STEP_MS;
  if ('events' in commit) applyEvents(state, commit.at, commit.events);
  else if ('type' in commit) applyEvents(state, nextAt, [commit]);
  else applyEvents(state, nextAt, commit);
}

function applyEvents(state: Projections, at: number, drafts: readonly EventDraft[]): Commit {
  const firstSequence = state.sequence + 1;
  const events = drafts.map((draft, index) => ({ ...draft, sequence: firstSequence + index, at }));
  const commit: Commit = { header: { at }, firstSequence, events };
  state.apply(commit);
  return commit;
}
