// Makes a history that fails smaller: operations are left out while the same promise is still broken.
import type { PlayOptions } from './life.js';
import { play } from './play.js';
import type { History } from './operations.js';
import { Violation } from './violation.js';

/** Plays at most. */
const MAX_PLAYS = 400;

/** The smallest history found that breaks the same promise as this one; itself when it breaks none. */
export async function shrink(history: History, options: PlayOptions = {}): Promise<History> {
  const broken = await brokenBy(history, options);
  if (broken === undefined) return history;
  let smallest = history;
  let plays = 1;
  for (let size = Math.ceil(history.operations.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from + size <= smallest.operations.length && plays < MAX_PLAYS;) {
      const { operations } = smallest;
      const fewer = {
        ...smallest,
        operations: [...operations.slice(0, from), ...operations.slice(from + size)],
      };
      plays++;
      if ((await brokenBy(fewer, options)) === broken) smallest = fewer;
      else from += size;
    }
  }
  return smallest;
}

async function brokenBy(history: History, options: PlayOptions): Promise<string | undefined> {
  const { violation } = await play(history, options);
  return violation instanceof Violation ? violation.promise : violation?.name;
}
