// The simulator finds what is wrong: on a disk, or with a journal, that breaks a promise in one way, some early seed
// tells. A simulator that finds nothing here would prove nothing elsewhere.
import { describe, expect, it } from '@jest/globals';
import type { EncodedBatch } from '../../src/journal/journal-backend.js';
import type { OpenMode, StorageFile } from '../../src/journal/storage.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { firstBroken } from './campaign.js';
import type { PlayOptions } from './life.js';
import { shrink } from './shrink.js';
import { historyOf } from './operations.js';
import { play } from './play.js';
import { WitnessedBackend } from './witness.js';

/** Seeds that may pass before what is wrong is found. */
const SEEDS = 60;

/** Says that it synced and did not. */
class Forgetful extends FaultyStorage {
  override async open(path: string, mode: OpenMode): Promise<StorageFile> {
    const file = await super.open(path, mode);
    return {
      read: (into, from, length, position) => file.read(into, from, length, position),
      write: (bytes, from, length, position) => file.write(bytes, from, length, position),
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      datasync: () => Promise.resolve(),
      stat: () => file.stat(),
      close: () => file.close(),
    };
  }
}

/** Says that it synced the names in a directory and did not. */
class Nameless extends FaultyStorage {
  override syncDir(): Promise<void> {
    return Promise.resolve();
  }
}

/** Lets everybody in. */
class Open extends FaultyStorage {
  override async lock(path: string): ReturnType<FaultyStorage['lock']> {
    const outcome = await super.lock(path);
    if (outcome.kind === 'held') return outcome;
    const nothing = (): Promise<void> => Promise.resolve();
    return { kind: 'held', lock: { describe: nothing, release: nothing } };
  }
}

/** Acknowledges before the batch is on disk. */
class Hasty extends WitnessedBackend {
  override append(batch: EncodedBatch): Promise<void> {
    // The batch is used again as soon as it is acknowledged.
    const copy: EncodedBatch = {
      bytes: Buffer.from(batch.bytes),
      end: batch.end,
      size: batch.size,
      firstSequence: batch.firstSequence,
      lastSequence: batch.lastSequence,
      startOf: keep(batch.size, (index) => batch.startOf(index)),
      eventsOf: keep(batch.size, (index) => batch.eventsOf(index)),
    };
    super.append(copy).catch(() => undefined);
    return Promise.resolve();
  }
}

function keep(size: number, of: (index: number) => number): (index: number) => number {
  const kept = Array.from({ length: size }, (_, index) => of(index));
  return (index) => kept[index] ?? 0;
}

const CONTROLS: readonly (readonly [string, PlayOptions])[] = [
  ['a disk that forgets what it was told to sync', { storage: (turn) => new Forgetful({ turn }) }],
  ['a disk that forgets the names it was told to sync', { storage: (turn) => new Nameless({ turn }) }],
  ['a lock that locks nobody out', { storage: (turn) => new Open({ turn }) }],
  ['a journal that acknowledges before the fsync', { backend: Hasty }],
];

describe('the simulator finds', () => {
  it.each(CONTROLS)('%s', async (_what, options) => {
    const found = await firstBroken(SEEDS, options);
    expect(found?.violation.name).toBe('Violation');
  });

  it('less and less that is needed to show it', async () => {
    const options: PlayOptions = { storage: (turn) => new Forgetful({ turn }) };
    const found = await firstBroken(SEEDS, options);
    const history = historyOf(found?.seed ?? 0);
    const smallest = await shrink(history, options);
    expect(smallest.operations.length).toBeLessThan(history.operations.length);
    expect((await play(smallest, options)).violation).toBeDefined();
    expect((await play(smallest)).violation).toBeUndefined();
  });
});
