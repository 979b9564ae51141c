// Claim: with everything the engine keeps about it, a pending run with its task costs 700 bytes beyond its payload,
// and a completed run with its history 1.2 KB. A process of its own for each figure.
import type { Bench } from '../support/figure.js';
import { runChild } from '../support/child.js';

const RUNS = 100_000;

/** Heap bytes a run. */
export const runMemory: Bench = {
  name: 'run-memory',
  claim: 'a pending run with its task costs 700 bytes beyond its payload, a completed one with history 1 200',
  async run({ rounds, freshDir, scaled }) {
    const pending: number[] = [];
    const completed: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const args = [freshDir(), String(scaled(RUNS))];
      const { answer } = await runChild<{ pending: number; completed: number }>('run-memory', args);
      pending.push(answer.pending);
      completed.push(answer.completed);
    }
    return [
      {
        name: 'a pending run with its task',
        kind: 'bytes',
        unit: 'bytes',
        values: pending,
        target: { atMost: 700 },
      },
      {
        name: 'a completed run with history',
        kind: 'bytes',
        unit: 'bytes',
        values: completed,
        goal: { atMost: 1_200 },
      },
    ];
  },
};
