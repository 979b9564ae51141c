// Durable waits and signals of the runs. A wait ends once; an answer may come before its wait begins and is
// kept for it.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { WaitRecord } from '../domain/run.js';
import { isTerminal } from '../domain/run-state.js';
import type { Fold } from './fold.js';
import { freezeDeep } from './freeze.js';
import { refusal } from './refusal.js';
import type { RunRow } from './rows.js';
import { detailOf } from './run-history.js';
import type { Runs } from './runs.js';
import type { Timers } from './timers.js';
import { earliestUntilAt } from './wait-times.js';

/** Folds waits and signals into the runs. */
export class Waits implements Fold {
  readonly handles: readonly EventType[] = ['WaitStarted', 'WaitEnded', 'RunSignaled'];
  readonly sections = [];

  constructor(
    private readonly runs: Runs,
    private readonly timers: Timers,
  ) {}

  apply(event: PawlEvent): void {
    switch (event.type) {
      case 'WaitStarted': {
        this.#start(event);
        return;
      }
      case 'WaitEnded': {
        this.#end(event);
        return;
      }
      case 'RunSignaled': {
        this.#signal(event);
        return;
      }
      default:
        return;
    }
  }

  #start(event: PawlEvent<'WaitStarted'>): void {
    const row = this.runs.change(event, event.runId);
    const { runId, name } = event;
    const { detail } = row;
    if (detail?.open === undefined)
      throw refusal(event, 'attemptWrongState', { runId, name, state: row.state });
    const waits = (detail.waits ??= new Map<string, WaitRecord>());
    if (waits.has(name)) throw refusal(event, 'waitDuplicate', { runId, name });
    const begun = { name, wait: freezeDeep(event.wait), attemptId: detail.open.id, startedAt: event.at };
    const answer = detail.answers?.get(name);
    if (answer === undefined) {
      waits.set(name, begun);
    } else {
      waits.set(name, {
        ...begun,
        endedAt: event.at,
        ...(answer.value === undefined ? {} : { value: answer.value }),
      });
      detail.answers?.delete(name);
      if (detail.answers?.size === 0) detail.answers = undefined;
    }
    this.#setTimer(row);
  }

  #end(event: PawlEvent<'WaitEnded'>): void {
    const row = this.#openRun(event, event.runId);
    const { runId, name, value } = event;
    const detail = detailOf(row);
    const wait = detail.waits?.get(name);
    if (wait?.endedAt !== undefined || detail.answers?.has(name) === true) {
      throw refusal(event, 'waitEnded', { runId, name });
    }
    const given = value === undefined ? {} : { value };
    if (wait === undefined) {
      (detail.answers ??= new Map()).set(name, { name, at: event.at, ...given });
      return;
    }
    const timedOut = event.timedOut === true ? { timedOut: true } : {};
    detail.waits?.set(name, { ...wait, endedAt: event.at, ...given, ...timedOut });
    this.#setTimer(row);
  }

  #signal(event: PawlEvent<'RunSignaled'>): void {
    const { key, at, payload } = event;
    const detail = detailOf(this.#openRun(event, event.runId));
    (detail.signals ??= []).push(payload === undefined ? { key, at } : { key, at, payload });
  }

  #openRun(event: PawlEvent, runId: string): RunRow {
    const row = this.runs.change(event, runId);
    if (isTerminal(row.state)) throw refusal(event, 'terminalRun', { runId, state: row.state });
    return row;
  }

  #setTimer(row: RunRow): void {
    const detail = detailOf(row);
    detail.waitUntilAt = earliestUntilAt(detail.waits);
    this.timers.update(row);
  }
}
