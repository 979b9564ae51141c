// The table compiled from the run machine at load: what the hot path and replay ask. A look-up costs
// nothing beside a machine step, and a machine built without an edge yields a table without it.
import { PawlError } from '../errors.js';
import { RUN_STATES, type RunState } from '../domain/run-state.js';
import { runMachine, type RunMachineEvent } from './run-machine.js';

/** Legal changes of state, with the machine's event for each. */
export interface TransitionTable {
  /** True when the machine has an edge from `from` to `to`. */
  isValidTransition(from: RunState, to: RunState): boolean;
  /** The states that can follow `from`. */
  validTransitions(from: RunState): readonly RunState[];
  /** The machine's event for an edge. Errors: `INVALID_TRANSITION` when there is none. */
  eventFor(from: RunState, to: RunState): RunMachineEvent['type'];
}

/** The part of a machine that the table is compiled from. */
export interface CompilableMachine {
  readonly states: Readonly<
    Record<
      string,
      {
        readonly transitions: ReadonlyMap<
          string,
          readonly { readonly target: readonly { readonly key: string }[] | undefined }[]
        >;
      }
    >
  >;
}

/** Compiles the table of a machine with the nine states of a run. */
export function compileTransitionTable(machine: CompilableMachine): TransitionTable {
  const edges = new Map<RunState, Map<RunState, RunMachineEvent['type']>>();
  for (const from of RUN_STATES) {
    const targets = new Map<RunState, RunMachineEvent['type']>();
    for (const [event, transitions] of machine.states[from]?.transitions ?? []) {
      for (const transition of transitions) {
        for (const target of transition.target ?? []) {
          targets.set(target.key as RunState, event as RunMachineEvent['type']);
        }
      }
    }
    edges.set(from, targets);
  }
  const following = new Map(
    RUN_STATES.map((from) => [from, Object.freeze([...(edges.get(from)?.keys() ?? [])])]),
  );
  return {
    isValidTransition: (from, to) => edges.get(from)?.has(to) ?? false,
    validTransitions: (from) => following.get(from) ?? [],
    eventFor(from, to) {
      const event = edges.get(from)?.get(to);
      if (event !== undefined) return event;
      throw new PawlError('INVALID_TRANSITION', `A run cannot go from ${from} to ${to}.`, { from, to });
    },
  };
}

/** The table of the run machine. */
export const transitionTable = compileTransitionTable(runMachine);

/** True when a run may go from `from` to `to`, answered from the run machine. */
export function isValidTransition(from: RunState, to: RunState): boolean {
  return transitionTable.isValidTransition(from, to);
}

/** The states that may follow `from`, answered from the run machine; empty for terminal states. */
export function validTransitions(from: RunState): readonly RunState[] {
  return transitionTable.validTransitions(from);
}
