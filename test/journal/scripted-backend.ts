// A backend that is a script: its calls end when the test says so. With a journal on it, on a clock that is moved by
// hand, and what became of the commits.
import { expect } from '@jest/globals';
import type { PawlError } from '../../src/errors.js';
import type { JournalBackend, OpenedLog } from '../../src/journal/journal-backend.js';
import type { Journal } from '../../src/journal/journal.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { heartbeat } from './backend-contract.js';
import { countedIds } from './damage-fixture.js';

/** A call into the backend. */
export type Step = 'append' | 'settle' | 'endSegment' | 'close' | 'abandon';

/** Longer than it takes until an idle log is marked. */
export const IDLE_MS = 60;

/** Says which calls were begun; each but the close ends when the test ends it. */
export class ScriptedBackend implements JournalBackend {
  readonly begun: Step[] = [];
  /** Ranges that were to be read; nothing is kept. */
  readonly asked: (readonly [number, number])[] = [];
  private readonly running: { resolve(): void; reject(error: PawlError): void }[] = [];

  open(): Promise<OpenedLog> {
    return Promise.resolve({ epoch: 1, firstSequence: 0, lastSequence: 0, lastAt: 0, knownSequence: 0 });
  }

  append(): Promise<void> {
    return this.begin('append');
  }

  settle(): Promise<void> {
    return this.begin('settle');
  }

  endSegment(): Promise<void> {
    return this.begin('endSegment');
  }

  async *read(from: number, to: number): AsyncGenerator<never, void, undefined> {
    this.asked.push([from, to]);
    yield* [];
  }

  close({ abandon }: { readonly abandon: boolean }): Promise<void> {
    this.begun.push(abandon ? 'abandon' : 'close');
    return Promise.resolve();
  }

  /** Ends the call that was begun first, and lets what follows from that happen. */
  async end(error?: PawlError): Promise<void> {
    const call = this.running.shift();
    if (call === undefined) throw new Error('no call is running');
    if (error === undefined) call.resolve();
    else call.reject(error);
    await turns();
  }

  private begin(step: Step): Promise<void> {
    this.begun.push(step);
    return new Promise((resolve, reject) => this.running.push({ resolve, reject }));
  }
}

/** Lets follow what follows without a timer. */
export async function turns(): Promise<void> {
  for (let index = 0; index < 50; index++) await Promise.resolve();
}

/** A journal on a scripted backend. */
export class Bench {
  readonly backend = new ScriptedBackend();
  readonly clock = new ManualClock();
  /** What became of the commits, in the order in which that was told. */
  readonly told: string[] = [];

  static async open(): Promise<{ bench: Bench; journal: Journal }> {
    const bench = new Bench();
    const { backend, clock } = bench;
    return { bench, journal: await openJournalOn(backend, { clock, ids: countedIds() }) };
  }

  async append(journal: Journal, name: string): Promise<void> {
    journal.append({ header: { at: 1 }, events: [heartbeat(name)] }, (error) => {
      this.told.push(error === undefined ? name : `${name}: ${error.code} ${String(error.data['outcome'])}`);
    });
    await turns();
  }

  /** One commit is durable, and its log idle for so long that the mark is being written. */
  static async idle(): Promise<{ bench: Bench; journal: Journal }> {
    const { bench, journal } = await Bench.open();
    await bench.append(journal, 'first');
    await bench.backend.end();
    await bench.clock.advance(IDLE_MS);
    expect(bench.backend.begun).toEqual(['append', 'settle']);
    return { bench, journal };
  }
}
