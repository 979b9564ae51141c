// Claim: with 100 000 runs watched, one subscriber each, the drain makes at least half the events a second that it
// makes with none: watchers are routed to by run, not filtered.
import { openOrchestrator } from '../../src/open-orchestrator.js';
import type { Bench } from '../support/figure.js';
import { noop, preload } from '../support/pawl.js';
import { inRounds, perSecond, timed } from '../support/rounds.js';

const RUNS = 100_000;
const IN_FLIGHT = 100;
const EVENTS_A_RUN = 7;

/** Drain with and without watchers. */
export const watchedRuns: Bench = {
  name: 'watched-runs',
  claim: '100 000 watched runs leave at least half of the event rate',
  async run({ rounds, freshDir, scaled }) {
    const runs = scaled(RUNS);
    const measure = async (watched: boolean): Promise<number> => {
      const dataDir = freshDir();
      await preload(dataDir, runs);
      const pawl = await openOrchestrator({
        dataDir,
        tasks: [noop],
        concurrency: IN_FLIGHT,
        snapshotEveryEvents: 0,
      });
      let seen = 0;
      if (watched) {
        for (const id of readyIds(pawl)) {
          pawl.run(id).state$.subscribe(() => seen++);
        }
      }
      const before = seen;
      const ms = await timed(async () => {
        await pawl.resume();
        await pawl.idle();
      });
      await pawl.close();
      if (watched && seen - before < runs)
        throw new Error(`The watchers saw ${String(seen - before)} changes of ${String(runs)} runs.`);
      return perSecond(runs * EVENTS_A_RUN, ms);
    };
    const valuesOf = await inRounds(rounds, async () => {
      const none = await measure(false);
      const all = await measure(true);
      return { none, all, share: all / none };
    });
    return [
      { name: 'no run watched', kind: 'rate', unit: 'events/s', values: valuesOf('none') },
      { name: `${String(runs)} runs watched`, kind: 'rate', unit: 'events/s', values: valuesOf('all') },
      {
        name: 'share that is left',
        kind: 'ratio',
        unit: '',
        values: valuesOf('share'),
        goal: { atLeast: 0.5 },
      },
    ];
  },
};

function readyIds(pawl: Awaited<ReturnType<typeof openOrchestrator>>): string[] {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = pawl.projections.runs.list(
      { state: 'ready' },
      { limit: 1_000, ...(cursor === undefined ? {} : { cursor }) },
    );
    for (const run of page.items) ids.push(run.id);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return ids;
}
