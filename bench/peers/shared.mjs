// What every peer's program needs: its arguments, the payload and the statistics of Pawl's own benches, and the
// names under which the figures are compared.
import { jobInput, jobInputs } from '../../dist-bench/bench/support/payload.js';
import { quantile } from '../../dist-bench/bench/support/stats.js';
import { inRounds, perSecond, rest, timed } from '../../dist-bench/bench/support/rounds.js';

export { inRounds, jobInput, jobInputs, perSecond, quantile, rest, timed };

/** Figures that are compared, in the order of the columns; `kind: time` means less is better. */
export const FIGURES = /** @type {const} */ ([
  { key: 'one', label: 'submit one by one /s', kind: 'rate', pawl: 'submit one by one' },
  { key: 'concurrent', label: 'concurrent /s', kind: 'rate', pawl: 'submit, 1 000 awaiting' },
  { key: 'bulk', label: 'bulk /s', kind: 'rate', pawl: 'submitMany, 10 000 a call' },
  { key: 'drain1', label: 'drain 1 /s', kind: 'rate', pawl: 'drain, 1 in flight' },
  { key: 'drain10', label: 'drain 10 /s', kind: 'rate', pawl: 'drain, 10 in flight' },
  { key: 'drain100', label: 'drain 100 /s', kind: 'rate', pawl: 'drain, 100 in flight' },
  { key: 'idleP50', label: 'idle p50 ms', kind: 'time', pawl: 'submit → handler start, p50' },
]);

/** Jobs of a drain, at scale 1. */
export const DRAIN_JOBS = 20_000;
/** Submissions that wait for each other, at scale 1. */
export const ONE_BY_ONE_JOBS = 3_000;
/** Submissions by 1 000 submitters and in bulk, at scale 1. */
export const MANY_JOBS = 40_000;
/** Submitters at a time. */
export const SUBMITTERS = 1_000;
/** Jobs whose latency is measured, at scale 1. */
export const LATENCY_JOBS = 300;

/** Runs `submit(index)` for every index, `width` of them at a time. */
export async function concurrently(count, width, submit) {
  let next = 0;
  const submitter = async () => {
    while (next < count) await submit(next++);
  };
  await Promise.all(Array.from({ length: width }, submitter));
}

/** Prints the values of one peer as its answer. */
export function answer(values) {
  process.stdout.write(`${JSON.stringify(values)}\n`);
}
