// The life of the journal as a machine: opening → recovering → ready ⇄ rotating → draining → closed, and
// poisoned, from which only closing leads on. Pure data: the journal does the work and says what happened.
import { assign, setup } from 'xstate';
import type { PawlError } from '../errors.js';

/** What the journal reports about itself. */
export type JournalMachineEvent =
  | { readonly type: 'opened'; readonly epoch: number; readonly sequence: number }
  | { readonly type: 'openFailed'; readonly error: unknown }
  | { readonly type: 'recovered' }
  | { readonly type: 'rotationBegan'; readonly sequence: number }
  | { readonly type: 'rotationEnded'; readonly sequence: number }
  | { readonly type: 'draining' }
  | { readonly type: 'poisoned'; readonly error: PawlError }
  | { readonly type: 'closed'; readonly sequence: number };

/** What the machine remembers. */
export interface JournalMachineContext {
  readonly epoch: number;
  /** Last durable sequence when the journal last reported one. */
  readonly sequence: number;
  readonly error: unknown;
}

/** The life of the journal. */
export const journalMachine = setup({
  types: { context: {} as JournalMachineContext, events: {} as JournalMachineEvent },
  actions: {
    copyPosition: assign({
      epoch: ({ context, event }) => (event.type === 'opened' ? event.epoch : context.epoch),
      sequence: ({ context, event }) => ('sequence' in event ? event.sequence : context.sequence),
    }),
    copyError: assign({ error: ({ context, event }) => ('error' in event ? event.error : context.error) }),
  },
}).createMachine({
  id: 'journal',
  context: { epoch: 0, sequence: 0, error: undefined },
  initial: 'opening',
  states: {
    opening: {
      on: {
        opened: { target: 'recovering', actions: 'copyPosition' },
        openFailed: { target: 'closed', actions: 'copyError' },
      },
    },
    recovering: {
      on: {
        recovered: { target: 'ready' },
        rotationBegan: { actions: 'copyPosition' },
        rotationEnded: { actions: 'copyPosition' },
        draining: { target: 'draining' },
        poisoned: { target: 'poisoned', actions: 'copyError' },
      },
    },
    ready: {
      on: {
        rotationBegan: { target: 'rotating', actions: 'copyPosition' },
        draining: { target: 'draining' },
        poisoned: { target: 'poisoned', actions: 'copyError' },
      },
    },
    rotating: {
      on: {
        rotationEnded: { target: 'ready', actions: 'copyPosition' },
        draining: { target: 'draining' },
        poisoned: { target: 'poisoned', actions: 'copyError' },
      },
    },
    draining: {
      on: {
        rotationBegan: { actions: 'copyPosition' },
        rotationEnded: { actions: 'copyPosition' },
        poisoned: { target: 'poisoned', actions: 'copyError' },
        closed: { target: 'closed', actions: 'copyPosition' },
      },
    },
    poisoned: { on: { closed: { target: 'closed', actions: 'copyPosition' } } },
    closed: { type: 'final' },
  },
});
