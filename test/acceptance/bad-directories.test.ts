// Directories that cannot be opened: each is refused with a code, the path and what to do, and nothing in it has
// changed. One that a kill left with a torn end opens, says what it cut, and keeps a copy.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { ErrorCode, PawlError } from '../../src/errors.js';
import { defineTask } from '../../src/execution/define-task.js';
import { openJournal } from '../../src/journal/open-journal.js';
import { openOrchestrator } from '../../src/open-orchestrator.js';
import type { OrchestratorOptions } from '../../src/options.js';
import { openTest, onTestEnd, temporaryDirectory } from '../support/engine.js';
import { contentsOf } from './support/directories.js';
import { foreignLog } from './support/foreign-log.js';
import { eventsOf, first, history, refusal } from './support/handlers.js';

const work = defineTask('work', () => 'done');

/** The refusal to open, which must say where and what to do. */
async function refused(
  dataDir: string,
  code: ErrorCode,
  options: Partial<OrchestratorOptions> = {},
): Promise<PawlError> {
  const error = await refusal(openOrchestrator({ dataDir, tasks: [work], ...options }), code);
  expect(error.message).toContain(dataDir);
  expect(error.message).toMatch(/[\w)'}]\.$/);
  return error;
}

/** A data directory that does not exist yet. */
async function newDirectory(): Promise<string> {
  return join(await temporaryDirectory(), 'data');
}

/** Opens, runs a few tasks, and closes, or drops the log as a kill would. */
async function used(how: 'closed' | 'killed', limits = {}): Promise<string> {
  const dataDir = await newDirectory();
  const kit = await openTest({ dataDir, tasks: [work], limits });
  for (let count = 0; count < 5; count++) await kit.pawl.submit('work', { count });
  await kit.clock.settle();
  if (how === 'closed') await kit.pawl.close();
  else await kit.crash({ dataDir: await newDirectory() });
  return dataDir;
}

function segments(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'wal'))
    .sort()
    .map((name) => join(dataDir, 'wal', name));
}

function change(path: string, make: (bytes: Buffer) => Buffer): void {
  writeFileSync(path, make(readFileSync(path)));
}

/** Flips a bit in the file. */
function flip(path: string, offset: number): void {
  change(path, (bytes) => {
    bytes[offset] = (bytes[offset] ?? 0) ^ 1;
    return bytes;
  });
}

/** Puts the beginning of a frame behind the end of the newest segment; gives where. */
function tear(dataDir: string): { readonly segment: string; readonly offset: number } {
  const path = first(segments(dataDir).reverse());
  const offset = readFileSync(path).length;
  change(path, (bytes) => Buffer.concat([bytes, bytes.subarray(0, 20)]));
  return { segment: path.slice(dirname(path).length + 1), offset };
}

describe('a directory that is not there', () => {
  it('with a missing parent is DATA_DIR_MISSING, and nothing is created', async () => {
    const parent = join(await temporaryDirectory(), 'missing');
    const dataDir = join(parent, 'data');
    const error = await refused(dataDir, 'DATA_DIR_MISSING');
    expect(error.data).toMatchObject({ path: dataDir, stage: 'open' });
    expect(error.message).toContain(`its parent ${parent} does not exist; create it first`);
    expect(existsSync(parent)).toBe(false);
  });

  it('is DATA_DIR_MISSING with expectExisting, and nothing is created', async () => {
    const dataDir = await newDirectory();
    const error = await refused(dataDir, 'DATA_DIR_MISSING', { expectExisting: true });
    expect(error.data).toMatchObject({ path: dataDir });
    expect(existsSync(dataDir)).toBe(false);
  });

  it('or is there and empty is DATA_DIR_MISSING with expectExisting, and stays empty', async () => {
    const dataDir = await newDirectory();
    mkdirSync(dataDir);
    await refused(dataDir, 'DATA_DIR_MISSING', { expectExisting: true });
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it('is created when its parent is there', async () => {
    const dataDir = await newDirectory();
    const pawl = await openOrchestrator({ dataDir });
    await pawl.close();
    expect(readdirSync(dataDir).sort()).toEqual(['head', 'lock', 'quarantine', 'snapshots', 'wal']);
    await (await openOrchestrator({ dataDir, expectExisting: true })).close();
  });
});

describe('something that is not a data directory', () => {
  it('is DATA_DIR_FOREIGN, and nothing in it changes', async () => {
    const dataDir = await newDirectory();
    mkdirSync(join(dataDir, 'photos'), { recursive: true });
    writeFileSync(join(dataDir, 'notes.txt'), 'mine');
    const before = contentsOf(dataDir);
    const error = await refused(dataDir, 'DATA_DIR_FOREIGN');
    expect(error.data).toMatchObject({ path: dataDir, found: ['notes.txt', 'photos'], stage: 'open' });
    expect(error.message).toContain('notes.txt, photos');
    expect(contentsOf(dataDir)).toEqual(before);
  });

  it('but a file is DATA_DIR_FOREIGN, and the file stays', async () => {
    const dataDir = await newDirectory();
    writeFileSync(dataDir, 'a file');
    const error = await refused(dataDir, 'DATA_DIR_FOREIGN');
    expect(error.data).toMatchObject({ path: dataDir });
    expect(error.message).toContain('it is a file');
    expect(readFileSync(dataDir, 'utf8')).toBe('a file');
  });

  it('with a file where the parent should be is DATA_DIR_MISSING', async () => {
    const parent = await newDirectory();
    writeFileSync(parent, 'a file');
    await refused(join(parent, 'data'), 'DATA_DIR_MISSING');
    expect(readFileSync(parent, 'utf8')).toBe('a file');
  });
});

describe('damage in the middle', () => {
  it.each(['strict', 'truncate-partial'] as const)(
    'is JOURNAL_CORRUPT with segment and offset under %s, and every byte stays',
    async (repair) => {
      const dataDir = await used('killed');
      const [path = ''] = segments(dataDir);
      const half = Math.floor(readFileSync(path).length / 2);
      flip(path, half);
      const lock = join(dataDir, 'lock');
      const before = contentsOf(dataDir, [lock]);
      const error = await refused(dataDir, 'JOURNAL_CORRUPT', { repair });
      expect(error.data).toMatchObject({
        path: dataDir,
        segment: '00000000000000000001.wal',
        stage: 'open',
        reason: 'crcMismatch',
      });
      expect(error.data['offset']).toBeLessThanOrEqual(half);
      expect(error.data['offset']).toBeGreaterThan(0);
      expect(error.message).toContain('restore the segment from a backup');
      expect(contentsOf(dataDir, [lock])).toEqual(before);
    },
  );

  it('of a sealed segment is refused as well', async () => {
    const dataDir = await used('closed', { segmentBytes: 512 });
    const all = segments(dataDir);
    expect(all.length).toBeGreaterThan(2);
    const damaged = all[1] ?? '';
    flip(damaged, readFileSync(damaged).length - 30);
    const error = await refused(dataDir, 'JOURNAL_CORRUPT');
    expect(error.data).toMatchObject({ path: dataDir, segment: damaged.slice(-24) });
  });

  it('what stands before it is readable read-only, as the message says', async () => {
    const dataDir = await used('killed');
    const [path = ''] = segments(dataDir);
    flip(path, readFileSync(path).length - 30);
    await refused(dataDir, 'JOURNAL_CORRUPT');
    const journal = await openJournal(dataDir, { readOnly: true });
    const types: string[] = [];
    for await (const { events } of journal.read({ from: 1, to: journal.currentSequence }))
      types.push(...events.map((event) => event.type));
    expect(types[0]).toBe('EpochStarted');
    expect(types.filter((type) => type === 'TaskCreated').length).toBeGreaterThanOrEqual(4);
  });

  it('a segment that is gone is SEGMENT_MISSING with what is needed', async () => {
    const dataDir = await used('closed', { segmentBytes: 512 });
    const [, second = ''] = segments(dataDir);
    const bytes = readFileSync(second);
    rmSync(second);
    const before = contentsOf(dataDir, [join(dataDir, 'lock')]);
    const error = await refused(dataDir, 'SEGMENT_MISSING');
    expect(error.data).toMatchObject({ path: dataDir, expectedSeq: Number.parseInt(second.slice(-24), 10) });
    expect(contentsOf(dataDir, [join(dataDir, 'lock')])).toEqual(before);
    writeFileSync(second, bytes);
    await (await openOrchestrator({ dataDir, tasks: [work] })).close();
  });
});

describe('another format', () => {
  it('is UNSUPPORTED_FORMAT with what was found and what is read, and is left alone', async () => {
    const dataDir = await used('killed');
    const [path = ''] = segments(dataDir);
    change(path, (bytes) => {
      bytes[3] = 2;
      return bytes;
    });
    const before = contentsOf(dataDir, [join(dataDir, 'lock')]);
    const error = await refused(dataDir, 'UNSUPPORTED_FORMAT');
    expect(error.data).toMatchObject({
      path: dataDir,
      segment: '00000000000000000001.wal',
      offset: 0,
      found: 2,
      supported: [1],
      reason: 'unsupportedVersion',
      stage: 'open',
    });
    expect(error.message).toContain('Open the directory with the release that wrote it');
    expect(contentsOf(dataDir, [join(dataDir, 'lock')])).toEqual(before);
  });
});

describe('a torn last batch', () => {
  it('is TORN_TAIL under strict, with its place, and nothing changes', async () => {
    const dataDir = await used('killed');
    const place = tear(dataDir);
    const before = contentsOf(dataDir, [join(dataDir, 'lock')]);
    const error = await refused(dataDir, 'TORN_TAIL', { repair: 'strict' });
    expect(error.data).toMatchObject({
      path: dataDir,
      ...place,
      reason: 'incompleteHeader',
      stage: 'open',
    });
    expect(error.message).toContain("Open with repair 'truncate-partial'");
    expect(contentsOf(dataDir, [join(dataDir, 'lock')])).toEqual(before);
  });

  it('is repaired by default: a copy in quarantine, JournalRepaired with EpochStarted, and in the report', async () => {
    const dataDir = await used('killed');
    const { segment, offset } = tear(dataDir);
    const cut = readFileSync(join(dataDir, 'wal', segment)).subarray(offset);
    const pawl = await openOrchestrator({ dataDir, tasks: [work] });
    onTestEnd(() => pawl.close());
    const { repaired } = pawl.report;
    expect(repaired).toMatchObject({ segment, offset, bytes: 20 });
    const [copy = ''] = readdirSync(join(dataDir, 'quarantine'));
    expect(repaired?.quarantine).toContain(copy);
    expect(readFileSync(join(dataDir, 'quarantine', copy))).toEqual(cut);
    const [event] = await eventsOf(pawl, 'JournalRepaired');
    expect(event).toMatchObject({ ...repaired });
    const started = (await eventsOf(pawl, 'EpochStarted')).at(-1);
    expect(event?.sequence).toBe((started?.sequence ?? 0) + 1);
    expect(event?.at).toBe(started?.at);
    expect(pawl.projections.runs.countByState('completed')).toBe(5);
    await pawl.close();
    const strict = await openOrchestrator({ dataDir, tasks: [work], repair: 'strict' });
    onTestEnd(() => strict.close());
    expect(strict.report.repaired).toBeUndefined();
    expect((await history(strict)).filter(({ type }) => type === 'JournalRepaired')).toHaveLength(1);
  });
});

describe('a log that says something impossible', () => {
  it('row 18a: opens strict and can be read, and the start is REPLAY_REFUSED with the sequence', async () => {
    const source = await openTest({ tasks: [work] });
    const { taskId } = await source.pawl.submit(work);
    const spec = source.pawl.projections.tasks.get(taskId)?.spec;
    if (spec === undefined) throw new Error('The task is not there.');
    const runId = 'run-1';
    const dataDir = await foreignLog([
      [
        { type: 'TaskCreated', spec },
        { type: 'RunCreated', runId, taskId, occurrence: 0, scheduledAt: 1_699_999_990_000, priority: 0 },
      ],
      [{ type: 'RunStateChanged', runId, from: 'scheduled', to: 'running' }],
    ]);
    const before = contentsOf(join(dataDir, 'wal'));
    const error = await refused(dataDir, 'REPLAY_REFUSED', { repair: 'strict' });
    expect(error.data).toMatchObject({
      path: dataDir,
      stage: 'replay',
      sequence: 3,
      type: 'RunStateChanged',
      rule: expect.any(String) as unknown,
    });
    expect(contentsOf(join(dataDir, 'wal'))).toEqual(before);
    const journal = await openJournal(dataDir, { repair: 'strict' });
    const last: string[] = [];
    for await (const { events } of journal.read({ from: 3 })) last.push(...events.map(({ type }) => type));
    await journal.close();
    expect(last).toEqual(['RunStateChanged']);
  });

  it('the refusal lets go of the directory', async () => {
    const dataDir = await foreignLog([
      [{ type: 'RunStateChanged', runId: 'nobody', from: 'scheduled', to: 'ready' }],
    ]);
    await refused(dataDir, 'REPLAY_REFUSED');
    await refused(dataDir, 'REPLAY_REFUSED');
  });
});
