// Claim: from the start of the process to the first handler, with a snapshot of 100 000 pending runs and a short tail
// of the log behind it: 300 ms more than a Node process that does nothing. Each start gets a fresh copy of one
// directory that was closed cleanly, and is split by step; `bare` is a `node -e` that writes one line. The copy is
// synced first: writing it back is no part of a start, and the first commit would wait for it. What loading xstate and
// RxJS takes is printed beside it, for it scales with the machine as the figure does: the two are held against each
// other, too, since milliseconds do not travel.
import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import type { Bench, Figure } from '../support/figure.js';
import { bareNodeMs, dependenciesMs, runChild } from '../support/child.js';
import { openIdle, submitJobs } from '../support/pawl.js';

const RUNS = 100_000;
/** Runs behind the snapshot. */
const TAIL_RUNS = 100;
/** The milliseconds that are wanted, and those of xstate and RxJS alone on the machine for which they were set. */
const WANTED = { firstHandlerMs: 300, dependenciesMs: 87 };

/** What `children/first-handler` says: its steps in milliseconds, in order. */
interface Started {
  readonly steps: Readonly<Record<string, number>>;
}

/** Process start → first handler. */
export const startFromSnapshot: Bench = {
  name: 'start-from-snapshot',
  claim: 'a start from a snapshot of 100 000 pending runs reaches its first handler 300 ms after a bare Node',
  async run({ rounds, freshDir, scaled }) {
    const prepared = freshDir();
    await fill(prepared, scaled(RUNS));
    const bare: number[] = [];
    const dependencies: number[] = [];
    const beyond: number[] = [];
    const steps = new Map<string, number[]>();
    for (let round = 0; round <= rounds; round++) {
      const dataDir = freshDir();
      cpSync(prepared, dataDir, { recursive: true });
      execFileSync('sync');
      const bareMs = await bareNodeMs();
      const dependentMs = await dependenciesMs();
      const { answer, ms } = await runChild<Started>('first-handler', [dataDir]);
      if (round === 0) continue;
      bare.push(bareMs);
      dependencies.push(dependentMs - bareMs);
      beyond.push(ms - bareMs);
      for (const [name, took] of Object.entries(answer.steps)) {
        const values = steps.get(name);
        if (values === undefined) steps.set(name, [took]);
        else values.push(took);
      }
    }
    const time = (name: string, values: readonly number[]): Figure => ({
      name,
      kind: 'time',
      unit: 'ms',
      values,
    });
    return [
      time('a bare Node process', bare),
      time('xstate and RxJS alone, beyond it', dependencies),
      { ...time('first handler, beyond it', beyond), goal: { atMost: WANTED.firstHandlerMs } },
      {
        name: 'the same ÷ xstate and RxJS alone',
        kind: 'ratio',
        unit: '×',
        values: beyond.map((ms, round) => ms / (dependencies[round] as number)),
        goal: { atMost: WANTED.firstHandlerMs / WANTED.dependenciesMs },
      },
      ...[...steps].map(([name, values]) => time(`of which: ${name}`, values)),
    ];
  },
};

async function fill(dataDir: string, runs: number): Promise<void> {
  const pawl = await openIdle(dataDir);
  await submitJobs(pawl, runs);
  await pawl.snapshot();
  await submitJobs(pawl, TAIL_RUNS, runs);
  await pawl.close();
}
