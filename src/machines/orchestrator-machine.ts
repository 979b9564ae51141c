// The life of an orchestrator, as pure data: opening → recovering → live ⇄ paused → draining → closed, and failed
// once the journal can write no more. It holds no rules: the orchestrator tells it what happened, so that an
// inspector and whoever asks can see it.
import { setup } from 'xstate';

/** What an orchestrator tells its machine. */
export type OrchestratorEvent =
  /** The data directory is locked; recovery begins. */
  | { readonly type: 'recover' }
  /** Recovery is over and commands are accepted. */
  | { readonly type: 'live' }
  /** The engine is paused, now or since before the restart. */
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  /** `close()` was called: no claims any more, attempts may finish. */
  | { readonly type: 'drain' }
  /** Everything is written and the lock is given back. */
  | { readonly type: 'close' }
  /** Opening was refused, or the journal is poisoned. */
  | { readonly type: 'fail'; readonly code: string };

/** States of an orchestrator. */
export type OrchestratorState =
  'opening' | 'recovering' | 'live' | 'paused' | 'draining' | 'closed' | 'failed';

/** The life of an orchestrator. */
export const orchestratorMachine = setup({
  types: { events: {} as OrchestratorEvent },
}).createMachine({
  id: 'orchestrator',
  initial: 'opening',
  states: {
    opening: { on: { recover: 'recovering', drain: 'draining', fail: 'failed' } },
    recovering: { on: { live: 'live', drain: 'draining', fail: 'failed' } },
    live: { on: { pause: 'paused', drain: 'draining', fail: 'failed' } },
    paused: { on: { resume: 'live', drain: 'draining', fail: 'failed' } },
    draining: { on: { close: 'closed', fail: 'failed' } },
    // A failed orchestrator is closed without draining: it writes nothing any more.
    failed: { on: { close: 'closed' } },
    closed: { type: 'final' },
  },
});
