// Damage in an old part of the log that a start from a snapshot did not have to read: it is found behind the start,
// stops what is new, and leaves reading and closing alive.
import { describe, expect, it } from '@jest/globals';
import type { PawlError } from '../../src/errors.js';
import { defineTask } from '../../src/execution/define-task.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { openOnFaultyStorage } from './support/faulty-files.js';
import { captured } from './support/captured-log.js';
import { history, refusal } from './support/handlers.js';

const work = defineTask('work', () => 'done');
const limits = { segmentBytes: 2_048 };

/** An orchestrator that was closed with a snapshot of several segments, and its disk. */
async function closed() {
  const { kit, storage } = await openOnFaultyStorage({ tasks: [work], limits });
  for (let task = 0; task < 12; task++) await kit.pawl.submit(work);
  await kit.clock.settle();
  await kit.pawl.snapshot();
  await kit.pawl.submit(work);
  await kit.clock.settle();
  await kit.pawl.close();
  const segments = await storage.readdir('/data/wal');
  const second = segments[1] ?? '';
  return { kit, storage, segments, second, path: `/data/wal/${second}` };
}

const again = (storage: Awaited<ReturnType<typeof closed>>['storage']) => ({
  backend: new FileBackend(storage, '/data'),
});

describe('a damaged byte in a segment before the snapshot', () => {
  it('is found behind the start: JOURNAL_CORRUPT for what is new, onFailed and failed tell, reads and close work', async () => {
    const { kit, storage, second, path } = await closed();
    const bytes = storage.contents(path);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    storage.place(path, bytes);
    const told: PawlError[] = [];
    const log = captured();
    const { pawl, clock } = await kit.restart({
      ...again(storage),
      logger: log.logger,
      onFailed: (error) => told.push(error),
    });
    expect(pawl.report.checked?.laterSegments).toBeGreaterThan(2);
    // The start is over, and commands are taken, before it is found.
    await pawl.submit(work);
    await clock.advance(5_000);
    const error = await pawl.failed;
    expect(error).toMatchObject({
      code: 'JOURNAL_CORRUPT',
      data: { segment: second, reason: 'crcMismatch' },
    });
    expect(error.data['offset']).toBeLessThanOrEqual(middle);
    expect(told).toEqual([error]);
    expect(log.one('older segment is damaged')).toMatchObject({
      level: 'error',
      component: 'journal',
      segment: second,
      offset: error.data['offset'],
    });
    await refusal(pawl.submit(work), 'JOURNAL_CORRUPT');
    await refusal(pawl.pause(), 'JOURNAL_CORRUPT');
    expect(pawl.projections.tasks.count).toBe(14);
    // What stands behind the damage is read; a read that comes to it says so.
    const types: string[] = [];
    for await (const { type } of pawl.events({ from: pawl.report.snapshotSequence + 1 })) {
      types.push(type);
      if (type === 'EpochStarted') break;
    }
    expect(types[0]).toBe('TaskCreated');
    await refusal(history(pawl), 'JOURNAL_CORRUPT');
    await pawl.close();
  });

  it('is refused at the start with strict, which reads everything first', async () => {
    const { kit, storage, path } = await closed();
    const bytes = storage.contents(path);
    bytes[300] = (bytes[300] ?? 0) ^ 1;
    storage.place(path, bytes);
    await refusal(kit.restart({ ...again(storage), repair: 'strict' }), 'JOURNAL_CORRUPT');
  });
});

describe('a whole log', () => {
  it('is reported with what was checked and what was left, and goes on when that is checked too', async () => {
    const { kit, storage, segments } = await closed();
    const sizes = new Map(
      segments.map((name) => [name, storage.contents(`/data/wal/${name}`).length] as const),
    );
    const { pawl, clock } = await kit.restart(again(storage));
    const { checked } = pawl.report;
    expect(checked?.laterSegments).toBeGreaterThan(2);
    expect((checked?.segments ?? 0) + (checked?.laterSegments ?? 0)).toBe(segments.length);
    expect((checked?.bytes ?? 0) + (checked?.laterBytes ?? 0)).toBe(
      [...sizes.values()].reduce((sum, size) => sum + size, 0),
    );
    const { read } = storage.counts;
    await clock.advance(5_000);
    expect(storage.counts.read - read).toBeGreaterThanOrEqual(checked?.laterSegments ?? 0);
    await pawl.submit(work);
    await clock.settle();
    expect(pawl.projections.runs.countByState('completed')).toBe(14);
    await pawl.close();
  });
});
