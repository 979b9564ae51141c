// Commands about the engine: pause and resume. Both are durable.
import { PawlError } from '../errors.js';
import { ENGINE_LOCK, type Command } from './command.js';
import type { Changed } from './runs.js';

/** Stops claims and promotion until `resume`, across restarts. Errors: `ALREADY_PAUSED`. */
export const pause: Command<{ readonly reason?: string | undefined }, Changed> = {
  name: 'pause',
  admission: false,
  locks: () => [ENGINE_LOCK],
  decide(context, args) {
    if (context.state.engine.paused) {
      throw new PawlError('ALREADY_PAUSED', 'The engine is paused already; call resume() to go on.', {
        pausedAt: context.state.engine.pausedAt,
      });
    }
    return { events: [{ type: 'EnginePaused', sequence: 0, at: 0, reason: args.reason }] };
  },
  result: () => ({ changed: true }),
};

/** Ends a pause. Errors: `NOT_PAUSED`. */
export const resume: Command<object, Changed> = {
  name: 'resume',
  admission: false,
  locks: () => [ENGINE_LOCK],
  decide(context) {
    if (!context.state.engine.paused) throw new PawlError('NOT_PAUSED', 'The engine is not paused.', {});
    return { events: [{ type: 'EngineResumed', sequence: 0, at: 0 }] };
  },
  result: () => ({ changed: true }),
};
