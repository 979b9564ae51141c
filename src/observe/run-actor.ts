// A live actor of one run: the run machine, begun in the run's present state and moved on by durable facts.
// Each change of state is the machine's own event, so that an inspector sees the edge; a fact that changes the
// run without an edge (a heartbeat, progress) replaces the context by `follow`.
import type { Actor, ActorLogic, SnapshotFrom } from 'xstate';
import type { RunRecord } from '../domain/run.js';
import { runMachine, type RunMachineEvent } from '../machines/run-machine.js';

/** State and context of a run's actor. */
export type RunSnapshot = SnapshotFrom<typeof runMachine>;

/** What a run's actor is told. */
export type RunActorEvent =
  RunMachineEvent | { readonly type: 'follow'; readonly run: RunRecord } | { readonly type: 'xstate.stop' };

/** Logic of a run's actor. */
export type RunActorLogic = ActorLogic<RunSnapshot, RunActorEvent, { readonly run: RunRecord }>;

/** A live actor of a run; its `send` is refused, its `stop` ends it. */
export type RunActor = Actor<RunActorLogic>;

/** The run machine as a follower. */
export const runActorLogic: RunActorLogic = {
  config: runMachine.config,
  getInitialSnapshot: (_scope, { run }) => runMachine.resolveState({ value: run.state, context: { run } }),
  transition(snapshot, event, scope) {
    if (event.type === 'follow') {
      return runMachine.resolveState({ value: event.run.state, context: { run: event.run } });
    }
    if (event.type === 'xstate.stop') {
      return runMachine.resolveState({ value: snapshot.value, context: snapshot.context, status: 'stopped' });
    }
    return runMachine.transition(snapshot, event, scope);
  },
  getPersistedSnapshot: (snapshot, options) => runMachine.getPersistedSnapshot(snapshot, options),
};
