// The latest start of an orchestrator on this log, and the time of the last commit, below which no later one
// is stamped.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { Fold } from './fold.js';
import { singleSection } from './sections.js';
import type { LoadHeader } from './snapshot-section.js';

/** The epoch. */
export class Epochs implements Fold {
  readonly handles: readonly EventType[] = ['EpochStarted'];
  /** Epoch of the latest start; 0 before the first. */
  epoch = 0;
  /** Instance of the latest start: the owner of its executor's leases. */
  instance = '';
  /** Time of the last commit. */
  lastAt = 0;
  #loaded = false;
  readonly sections = [
    singleSection(
      'epoch',
      () =>
        this.lastAt === 0 && this.epoch === 0
          ? undefined
          : { epoch: this.epoch, instance: this.instance, lastAt: this.lastAt },
      (record) => {
        this.epoch = record.epoch;
        this.instance = record.instance;
        this.lastAt = record.lastAt;
        this.#loaded = true;
      },
    ),
  ];

  apply(event: PawlEvent): void {
    if (event.type !== 'EpochStarted') return;
    this.epoch = event.epoch;
    this.instance = event.instance;
  }

  finishLoad(header: LoadHeader): void {
    if (!this.#loaded) this.lastAt = header.takenAt;
  }
}
