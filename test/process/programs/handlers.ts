// The handlers of the engine program. Each call leaves a line in the effects file before anything else, as a handler
// with an effect on the world would, and tells the test that it began.
import { appendFileSync } from 'node:fs';
import { defineTask, type AnyTaskDefinition, type HandlerContext } from '../../../src/index.js';
import { die, tell } from './tell.js';

/** Input of every handler. */
export interface Named {
  readonly name: string;
}

/** The handlers, and what lets the held ones go. */
export interface Handlers {
  readonly tasks: readonly AnyTaskDefinition[];
  release(name: string): void;
}

/** Makes the handlers. `onFinish` is called right before the type `trapped` returns. */
export function makeHandlers(effects: string, onFinish: () => void): Handlers {
  const released = new Set<string>();
  const held = new Map<string, (() => void)[]>();

  const begin = (context: HandlerContext, { name }: Named): void => {
    const { runId, attemptId } = context;
    appendFileSync(effects, `${runId} ${attemptId}\n`);
    tell({ type: 'began', name, runId, attemptId });
  };
  const releaseOf = (name: string): Promise<void> =>
    new Promise((resolve) => {
      if (released.has(name)) resolve();
      else held.set(name, [...(held.get(name) ?? []), resolve]);
    });

  const note = defineTask('note', (context, input: Named) => {
    begin(context, input);
    return input.name;
  });
  const hold = defineTask('hold', async (context, input: Named) => {
    begin(context, input);
    await releaseOf(input.name);
    return input.name;
  });
  const failOnce = defineTask('fail-once', (context, input: Named) => {
    begin(context, input);
    if (context.attempt === 1) throw new Error('the first attempt fails');
    return input.name;
  });
  const suspendOnce = defineTask('suspend-once', (context, input: Named) => {
    begin(context, input);
    return context.resumedWith ?? context.suspend();
  });
  const kill = defineTask('kill', async (context, input: Named) => {
    begin(context, input);
    await releaseOf(input.name);
    die();
  });
  const trapped = defineTask('trapped', (context, input: Named) => {
    begin(context, input);
    onFinish();
    return input.name;
  });
  return {
    tasks: [note, hold, failOnce, suspendOnce, kill, trapped],
    release(name) {
      released.add(name);
      for (const resolve of held.get(name) ?? []) resolve();
      held.delete(name);
    },
  };
}
