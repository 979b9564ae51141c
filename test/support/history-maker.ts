// Makes legal commits one after another from a seed. What is legal next is read from projections that are fed the
// history itself.
import type { Commit, CommitHeader, EventFields, EventType, PawlEvent } from '../../src/domain/events.js';
import { encodePayload, type Payload } from '../../src/domain/payload.js';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import type { RunState } from '../../src/domain/run-state.js';
import { Projections } from '../../src/projections/projections.js';
import type { RunRow, TaskRow } from '../../src/projections/rows.js';
import { Random } from './random.js';

/** A step of a history: the events of one commit; `undefined` when it is not possible now. */
export type Action = (maker: HistoryMaker) => PawlEvent[] | undefined;

/** Makes an event; sequence and time are stamped when its commit is made. */
export function event<T extends EventType>(type: T, fields: EventFields[T]): PawlEvent<T> {
  return { type, sequence: 0, at: 0, ...fields };
}

/** Stamps events into a commit. */
export function commitOf(events: readonly PawlEvent[], firstSequence: number, header: CommitHeader): Commit {
  const stamped = events.map((one, index) => ({ ...one, sequence: firstSequence + index, at: header.at }));
  return { header, firstSequence, events: stamped };
}

/** Makes one legal commit after another. */
export class HistoryMaker {
  readonly random: Random;
  /** The state after the commits made so far. */
  readonly state: Projections;
  #ids = 0;
  #now = 1_700_000_000_000;

  constructor(
    seed: number,
    private readonly actions: readonly Action[],
    state = new Projections(),
  ) {
    this.random = new Random(seed);
    this.state = state;
  }

  /** Time of the next commit. */
  get now(): number {
    return this.#now;
  }

  /** The next commit, applied to `state`. */
  next(): Commit {
    for (;;) {
      const events = this.random.pick(this.actions)?.(this);
      if (events !== undefined && events.length > 0) return this.commit(events);
    }
  }

  /** A commit of the given events, applied to `state`. */
  commit(events: readonly PawlEvent[]): Commit {
    const made = commitOf(events, this.state.sequence + 1, this.#header());
    this.state.apply(made);
    this.#now += this.random.chance(0.3) ? 0 : this.random.below(5_000);
    return made;
  }

  newId(kind: string): string {
    this.#ids++;
    return `${kind}-${String(this.#ids)}`;
  }

  payload(): Payload {
    const value = this.random.chance(0.2)
      ? Uint8Array.of(this.random.below(256))
      : { n: this.random.below(100) };
    return encodePayload(value, DEFAULT_LIMITS);
  }

  /** A value half of the time. */
  maybe<T>(value: () => T): T | undefined {
    return this.random.chance(0.5) ? value() : undefined;
  }

  anyTask(matches: (task: TaskRow) => boolean = () => true): TaskRow | undefined {
    return this.random.pick([...this.state.tasks.rows()].filter(matches));
  }

  anyRun(states: readonly RunState[], matches: (run: RunRow) => boolean = () => true): RunRow | undefined {
    return this.random.pick(states.flatMap((state) => [...this.state.runs.inState(state)]).filter(matches));
  }

  #header(): CommitHeader {
    const at = this.#now;
    if (this.random.chance(0.6)) return { at };
    const tenantId = this.random.pick([...this.state.tenants.list()])?.id;
    return {
      at,
      commandId: `command-${String(this.random.below(500))}`,
      command: 'submit',
      digest: `digest-${String(this.random.below(3))}`,
      ...(tenantId === undefined ? {} : { by: { tenantId } }),
    };
  }
}
