// Runs what is measured once to warm up and then once a round, and gathers one value a round for each name.

/** Values of one round by name. */
export type RoundValues = Readonly<Record<string, number>>;

/** Values by name, one a round; the first round is thrown away. */
export async function inRounds(
  rounds: number,
  round: (index: number) => Promise<RoundValues>,
): Promise<(name: string) => readonly number[]> {
  const gathered = new Map<string, number[]>();
  for (let index = 0; index <= rounds; index++) {
    const values = await round(index);
    if (index === 0) continue;
    for (const [name, value] of Object.entries(values)) {
      const list = gathered.get(name);
      if (list === undefined) gathered.set(name, [value]);
      else list.push(value);
    }
  }
  return (name) => gathered.get(name) ?? [];
}

/** Milliseconds that something takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** How many a second. */
export function perSecond(count: number, ms: number): number {
  return (count / ms) * 1000;
}

/** A turn of the event loop that lets everything queued run, and a little time. */
export function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
