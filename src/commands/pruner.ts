// Carries out pruning: what is chosen is locked before it is decided on, so that no other command builds on a
// record that is about to go. One commit at a time, until nothing is left to prune.
import { choosePrunable, pruneEvents, type PruneArgs, type Pruned } from '../decisions/prune.js';
import { commitHeld, type EngineParts } from '../execution/engine-parts.js';

/** Prunes by age and count; see `Orchestrator.prune`. */
export async function pruneAll(parts: EngineParts, args: PruneArgs): Promise<Pruned> {
  let tasks = 0;
  let runs = 0;
  for (;;) {
    const done = await pruneOnce(parts, args);
    if (done === undefined) return { tasks, runs };
    tasks += done.tasks;
    runs += done.runs;
  }
}

function pruneOnce(parts: EngineParts, args: PruneArgs): Promise<Pruned | undefined> {
  const context = parts.context.refresh();
  const keys: string[] = [];
  const chosen = choosePrunable(context, args, (ids) => {
    if (!parts.locks.tryAcquire(ids)) return false;
    keys.push(...ids);
    return true;
  });
  const events = pruneEvents(chosen);
  if (events.length === 0) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    commitHeld(parts, keys, events, (error) => {
      if (error === undefined) resolve({ tasks: chosen.taskIds.length, runs: chosen.runs });
      else reject(error);
    });
  });
}
