// The nine states of a run. Which changes are legal is written in one place only: the run machine.

/** States in the order of their codes on disk; never reorder, only append. */
export const RUN_STATES = [
  'scheduled',
  'ready',
  'leased',
  'running',
  'retryWait',
  'suspended',
  'completed',
  'failed',
  'canceled',
] as const;

/** State of a run. */
export type RunState = (typeof RUN_STATES)[number];

/** True for `completed`, `failed` and `canceled`. */
export function isTerminal(state: RunState): boolean {
  return state === 'completed' || state === 'failed' || state === 'canceled';
}
