// Stops the fixed workload again and again in a process of its own, for the same reason as history-program.ts.
import { main, setupOf, tell } from '../process/programs/tell.js';
import { stopDeep, stopEverywhere } from './fixed-workload.js';

/** How the program is started: one play for every place, or so many plays at drawn places, several processes deep. */
export interface CrashSetup {
  readonly seed: number;
  readonly deep?: { readonly depth: number; readonly plays: number };
}

/** Plays between two signs of life. */
const TELL_EVERY = 32;

await main(async () => {
  const { seed, deep } = setupOf() as CrashSetup;
  let done = 0;
  const afterPlay = (): void => {
    if (++done % TELL_EVERY === 0) tell({ type: 'progress', done });
  };
  const report = await (deep === undefined
    ? stopEverywhere(seed, afterPlay)
    : stopDeep({ seed, ...deep }, afterPlay));
  tell({ type: 'report', report });
  process.disconnect();
});
