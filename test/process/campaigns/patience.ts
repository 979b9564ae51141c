// How long a test waits for something that should come at once: a guard against hanging, never a measure. Seconds in
// which this process itself did not run, on a machine that is loaded, stopped or asleep, do not count.
const TICK_MS = 1_000;

/** Calls back after so many seconds of running; the answer stops it. */
export function whenPatienceEnds(seconds: number, give: () => void): () => void {
  let left = seconds;
  const timer = setInterval(() => {
    if (--left > 0) return;
    clearInterval(timer);
    give();
  }, TICK_MS);
  return () => {
    clearInterval(timer);
  };
}
