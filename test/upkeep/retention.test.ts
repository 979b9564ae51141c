// Retention in a running engine: when it looks, what open readers hold back and how long, what is told about events and
// commands that are gone, and that the state does not change by it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import type { RetentionPolicy } from '../../src/journal/retention.js';
import type { TestOrchestrator } from '../../src/testing/test-orchestrator.js';
import { PIN_MAX_MS, RETENTION_DELAY_MS } from '../../src/upkeep/retention-keeper.js';
import { refusal } from '../acceptance/support/handlers.js';
import { openTest, temporaryDirectory } from '../support/engine.js';

const work = defineTask('work', () => 'done');

interface Grown {
  readonly kit: TestOrchestrator;
  readonly segments: () => string[];
  readonly archived: () => string[];
}

/** An engine with a log of many small segments and two snapshots, the second one just written. */
async function grown(retention: RetentionPolicy | undefined, taken = 2): Promise<Grown> {
  const dataDir = join(await temporaryDirectory(), 'data');
  const kit = await openTest({
    dataDir,
    tasks: [work],
    limits: { segmentBytes: 2_000 },
    ...(retention === undefined ? {} : { retention }),
  });
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < 8; index++) {
      await kit.pawl.submit(work, undefined, {
        id: `t${String(round)}-${String(index)}`,
        commandId: `c${String(round)}-${String(index)}`,
      });
      await kit.clock.settle();
    }
    if (round < taken) await kit.pawl.snapshot();
  }
  const names = (folder: string) => (): string[] => {
    try {
      return readdirSync(join(dataDir, folder)).sort();
    } catch {
      return [];
    }
  };
  return { kit, segments: names('wal'), archived: names('archive') };
}

describe('retention', () => {
  it('keeps everything by default, and with one snapshot', async () => {
    for (const { kit, segments } of [await grown(undefined), await grown('delete', 1)]) {
      const before = segments();
      await kit.clock.advance(10 * RETENTION_DELAY_MS);
      expect(segments().slice(0, before.length)).toEqual(before);
    }
  });

  it.each(['delete', 'archive'] as const)(
    '(%s) looks a while after a snapshot, and the state stays',
    async (how) => {
      const { kit, segments, archived } = await grown(how);
      const before = segments();
      expect(before.length).toBeGreaterThan(6);
      await kit.clock.advance(RETENTION_DELAY_MS - 1);
      expect(segments()).toEqual(before);
      await kit.clock.advance(1);
      const gone = before.filter((name) => !segments().includes(name));
      expect(gone.length).toBeGreaterThan(1);
      expect(before.slice(0, gone.length)).toEqual(gone);
      expect(archived()).toEqual(how === 'archive' ? gone : []);
      const tasks = kit.pawl.projections.tasks.list().items;
      const again = await kit.crash();
      expect(again.pawl.projections.tasks.list().items).toEqual(tasks);
      expect(again.pawl.report).toMatchObject({ snapshotLoaded: true, snapshotsRejected: [] });
      await again.clock.advance(RETENTION_DELAY_MS);
      expect(archived()).toEqual(how === 'archive' ? gone : []);
    },
  );

  it('finishes at the next start what it could not do before', async () => {
    const { kit, segments } = await grown('keep');
    const before = segments();
    const again = await kit.restart({ retention: 'delete' });
    expect(segments().slice(0, before.length)).toEqual(before);
    await again.clock.advance(RETENTION_DELAY_MS);
    expect(segments()).not.toContain(before[0]);
  });

  it('lets events that are gone be refused at once, and the rest be read', async () => {
    const { kit, segments } = await grown('delete');
    await kit.clock.advance(RETENTION_DELAY_MS);
    const firstAvailable = Number.parseInt(segments()[0] ?? '', 10);
    expect(firstAvailable).toBeGreaterThan(1);
    const pulled = kit.pawl.events({ from: firstAvailable - 1 })[Symbol.asyncIterator]();
    const error = await refusal(pulled.next(), 'HISTORY_GONE');
    expect(error.data).toMatchObject({ firstAvailable });
    let told: unknown;
    kit.pawl.events({ from: 1 }).subscribe({ error: (thrown: unknown) => (told = thrown) });
    expect(told).toMatchObject({ code: 'HISTORY_GONE', data: { from: 1, firstAvailable } });
    const [next] = [await kit.pawl.events({ from: firstAvailable })[Symbol.asyncIterator]().next()];
    expect(next.value).toMatchObject({ sequence: firstAvailable });
  });

  it('says of a command whose commit is gone that it was done', async () => {
    const { kit } = await grown('delete');
    await kit.clock.advance(RETENTION_DELAY_MS);
    const { sequence } = kit.pawl.projections;
    const again = kit.pawl.submit(work, undefined, { id: 't0-0', commandId: 'c0-0' });
    const error = await refusal(again, 'HISTORY_GONE');
    expect(error.message).toContain('was done');
    expect(kit.pawl.projections.sequence).toBe(sequence);
    // What is still kept is answered.
    expect(await kit.pawl.submit(work, undefined, { id: 't2-7', commandId: 'c2-7' })).toMatchObject({
      taskId: 't2-7',
    });
  });

  it('waits for an open reader, but not longer than ten minutes, and tells it then', async () => {
    const { kit, segments } = await grown('delete');
    const before = segments();
    const reader = kit.pawl.events({ from: 1 })[Symbol.asyncIterator]();
    expect((await reader.next()).value).toMatchObject({ sequence: 1 });
    await kit.clock.advance(RETENTION_DELAY_MS + PIN_MAX_MS - 1);
    expect(segments()[0]).toBe(before[0]);
    await kit.clock.advance(20_000);
    expect(segments()).not.toContain(before[0]);
    await expect(
      (async () => {
        for (let step = await reader.next(); step.done !== true; step = await reader.next())
          if (step.value.sequence >= kit.pawl.projections.sequence) break;
      })(),
    ).rejects.toMatchObject({ code: 'HISTORY_GONE' });
  });

  it('goes on as soon as the reader has what it wanted', async () => {
    const { kit, segments } = await grown('delete');
    const before = segments();
    const reader = kit.pawl.events({ from: 1 })[Symbol.asyncIterator]();
    await reader.next();
    await kit.clock.advance(60_000);
    expect(segments()[0]).toBe(before[0]);
    await reader.return?.();
    await kit.clock.advance(10_000);
    expect(segments()).not.toContain(before[0]);
  });

  it('is refused where there is nothing to let go of', async () => {
    const options = { backend: new MemoryBackend(), retention: 'delete' } as const;
    const error = await refusal(openTest(options), 'NOT_SUPPORTED');
    expect(error.data).toEqual({ path: 'options.retention' });
  });
});
