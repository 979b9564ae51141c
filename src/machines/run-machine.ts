// The life of a run: nine states, seventeen edges, written down here and nowhere else. The machine is
// pure data: no guards, no invoked work, no timers; its one action copies the row of the run into its
// context. The engine and replay use the table compiled from it (`transition-table.ts`).
import { assign, setup } from 'xstate';
import type { RunRecord } from '../domain/run.js';

/** Events of the run machine: one for each edge's meaning, carrying the row after the change. */
export type RunMachineEvent = {
  readonly type:
    | 'promote'
    | 'claim'
    | 'release'
    | 'start'
    | 'complete'
    | 'fail'
    | 'retry'
    | 'suspend'
    | 'wake'
    | 'resume'
    | 'cancel';
  readonly run?: RunRecord;
};

/** Context of the run machine: the run as the durable stream last showed it. */
export interface RunMachineContext {
  readonly run: RunRecord | undefined;
}

/** The life of a run. */
export const runMachine = setup({
  types: {
    context: {} as RunMachineContext,
    events: {} as RunMachineEvent,
    input: {} as { readonly run: RunRecord } | undefined,
  },
  actions: {
    copyRun: assign({ run: ({ context, event }) => event.run ?? context.run }),
  },
}).createMachine({
  id: 'run',
  context: ({ input }) => ({ run: input?.run }),
  initial: 'scheduled',
  states: {
    scheduled: {
      on: {
        promote: { target: 'ready', actions: 'copyRun' },
        cancel: { target: 'canceled', actions: 'copyRun' },
      },
    },
    ready: {
      on: {
        claim: { target: 'leased', actions: 'copyRun' },
        cancel: { target: 'canceled', actions: 'copyRun' },
      },
    },
    leased: {
      on: {
        start: { target: 'running', actions: 'copyRun' },
        release: { target: 'ready', actions: 'copyRun' },
        cancel: { target: 'canceled', actions: 'copyRun' },
      },
    },
    running: {
      on: {
        complete: { target: 'completed', actions: 'copyRun' },
        fail: { target: 'failed', actions: 'copyRun' },
        retry: { target: 'retryWait', actions: 'copyRun' },
        suspend: { target: 'suspended', actions: 'copyRun' },
        cancel: { target: 'canceled', actions: 'copyRun' },
      },
    },
    retryWait: {
      on: {
        wake: { target: 'ready', actions: 'copyRun' },
        fail: { target: 'failed', actions: 'copyRun' },
        cancel: { target: 'canceled', actions: 'copyRun' },
      },
    },
    suspended: {
      on: {
        resume: { target: 'ready', actions: 'copyRun' },
        cancel: { target: 'canceled', actions: 'copyRun' },
      },
    },
    completed: { type: 'final' },
    failed: { type: 'final' },
    canceled: { type: 'final' },
  },
});
