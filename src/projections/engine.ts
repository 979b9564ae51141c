// Whether the engine is paused. A pause clears `resumedAt`, a resume keeps `pausedAt`.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { EngineRecord } from '../domain/nouns.js';
import type { Fold } from './fold.js';
import { refusal } from './refusal.js';
import { singleSection } from './sections.js';

/** Control of the engine. */
export class Engine implements Fold {
  readonly handles: readonly EventType[] = ['EnginePaused', 'EngineResumed'];
  #record: EngineRecord = Object.freeze({ paused: false });
  readonly sections = [
    singleSection(
      'engine',
      () => this.#record,
      (record) => {
        this.#record = Object.freeze({ ...record });
      },
    ),
  ];

  get paused(): boolean {
    return this.#record.paused;
  }

  get pausedAt(): number | undefined {
    return this.#record.pausedAt;
  }

  get resumedAt(): number | undefined {
    return this.#record.resumedAt;
  }

  get pauseReason(): string | undefined {
    return this.#record.pauseReason;
  }

  /** The whole record, frozen. */
  get record(): EngineRecord {
    return this.#record;
  }

  apply(event: PawlEvent): void {
    const { paused, pausedAt } = this.#record;
    if (event.type === 'EnginePaused') {
      if (paused) throw refusal(event, 'alreadyPaused', { pausedAt });
      const reason = event.reason === undefined ? {} : { pauseReason: event.reason };
      this.#record = Object.freeze({ paused: true, pausedAt: event.at, ...reason });
    } else if (event.type === 'EngineResumed') {
      if (!paused) throw refusal(event, 'notPaused');
      this.#record = Object.freeze({
        paused: false,
        ...(pausedAt === undefined ? {} : { pausedAt }),
        resumedAt: event.at,
      });
    }
  }
}
