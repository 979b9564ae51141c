// The jobs of the loaded program. What becomes of one follows from its number, so that a process which submits it
// again says the same, and a judge knows what must come of it.

/** Input of a job. */
export interface Job {
  readonly number: number;
  readonly filler?: string;
}

/** What the job with a number does. */
export const JOBS = {
  sleeps: (number: number): boolean => number % 7 === 0,
  fails: (number: number): boolean => number % 10 === 0,
  suspends: (number: number): boolean => number % 9 === 1,
  isLarge: (number: number): boolean => number % 11 === 5,
  runs: (number: number): number => (number % 8 === 3 ? 2 : 1),
} as const;

/** Id of the task of a job. */
export function jobId(number: number): string {
  return `job-${String(number)}`;
}

/** Number of the job whose task has the id. */
export function jobNumber(taskId: string): number {
  return Number(taskId.slice('job-'.length));
}
