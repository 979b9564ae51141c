// Random legal histories: commits of every kind of event, as an orchestrator might have written them.
import type { Commit } from '../../src/domain/events.js';
import { ATTEMPT_ACTIONS } from './history-attempts.js';
import { HistoryMaker, type Action } from './history-maker.js';
import { NOUN_ACTIONS } from './history-nouns.js';
import { RUN_ACTIONS } from './history-runs.js';
import { TASK_ACTIONS } from './history-tasks.js';

const ACTIONS: readonly Action[] = [
  ...TASK_ACTIONS,
  ...RUN_ACTIONS,
  ...RUN_ACTIONS,
  ...ATTEMPT_ACTIONS,
  ...ATTEMPT_ACTIONS,
  ...NOUN_ACTIONS,
];

/** A maker of the history of a seed. */
export function historyMaker(seed: number): HistoryMaker {
  return new HistoryMaker(seed, ACTIONS);
}

/** The first `count` commits of the history of a seed. */
export function legalHistory(seed: number, count: number): Commit[] {
  const maker = historyMaker(seed);
  return Array.from({ length: count }, () => maker.next());
}
