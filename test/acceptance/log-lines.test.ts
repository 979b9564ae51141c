// Row 20a, the lines of a start: each once, at its level, with its fields, in the situation that causes it; what the
// log says the start report says too.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { pourSnapshot } from '../../src/journal/snapshot-model.js';
import { SnapshotEncoder } from '../../src/journal/snapshot-writer-encoder.js';
import type { TestOrchestrator } from '../../src/testing/test-orchestrator.js';
import { sampleRun, sampleSnapshot } from '../journal/snapshot-samples.js';
import { openTest, temporaryDirectory } from '../support/engine.js';
import { captured } from './support/captured-log.js';
import { first } from './support/handlers.js';

const work = defineTask('work', () => 'done');

interface Written {
  readonly kit: TestOrchestrator;
  readonly dataDir: string;
}

/** A data directory with a log of `tasks` completed runs, open; a snapshot behind each one that `snapshotAfter` names. */
async function written(tasks: number, snapshotAfter: readonly number[] = []): Promise<Written> {
  const dataDir = join(await temporaryDirectory(), 'data');
  const kit = await openTest({ dataDir, tasks: [work] });
  for (let task = 1; task <= tasks; task++) {
    await kit.pawl.submit(work);
    await kit.clock.settle();
    if (snapshotAfter.includes(task)) await kit.pawl.snapshot();
  }
  return { kit, dataDir };
}

/** Paths of the kept snapshots, newest first. */
function snapshotsOf(dataDir: string): string[] {
  const sequence = (name: string): number => Number.parseInt(name, 10);
  return readdirSync(join(dataDir, 'snapshots'))
    .sort((left, right) => sequence(right) - sequence(left))
    .map((name) => join(dataDir, 'snapshots', name));
}

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

/** The newest segment of a log whose writer was dropped, with the first bytes of a batch behind its end. */
function tearTail(dataDir: string): { readonly segment: string; readonly offset: number } {
  const segment = first(readdirSync(join(dataDir, 'wal')).sort().reverse());
  const path = join(dataDir, 'wal', segment);
  const bytes = readFileSync(path);
  writeFileSync(path, Buffer.concat([bytes, bytes.subarray(0, 20)]));
  return { segment, offset: bytes.length };
}

describe('recovery', () => {
  it('says when it begins, what it replayed and what it came to', async () => {
    const { kit, dataDir } = await written(2);
    const log = captured();
    const { pawl } = await kit.restart({ logger: log.logger });
    const { report } = pawl;
    expect(log.one('recovery begins')).toEqual({
      level: 'info',
      component: 'recovery',
      dataDir,
      msg: 'recovery begins',
    });
    expect(log.one('tail replayed')).toEqual({
      level: 'info',
      component: 'recovery',
      eventCount: report.walReplayEventsApplied,
      msg: 'tail replayed',
    });
    expect(report.walReplayEventsApplied).toBeGreaterThan(10);
    expect(log.one('recovery complete')).toEqual({
      level: 'info',
      component: 'recovery',
      eventsAppliedTotal: report.eventsAppliedTotal,
      snapshotLoaded: false,
      snapshotSequence: 0,
      snapshotEventsApplied: 0,
      walReplayEventsApplied: report.walReplayEventsApplied,
      recoveryDurationSeconds: report.recoveryDurationSeconds,
      msg: 'recovery complete',
    });
    expect(log.lines.filter(({ level }) => level !== 'debug').map(({ msg }) => msg)).toEqual([
      'recovery begins',
      'tail replayed',
      'recovery complete',
    ]);
  });

  it('says so of an empty directory too', async () => {
    const log = captured();
    await openTest({ logger: log.logger });
    expect(log.one('recovery begins')).toMatchObject({ level: 'info' });
    expect(log.one('tail replayed')).toMatchObject({ eventCount: 0 });
    expect(log.one('recovery complete')).toMatchObject({ eventsAppliedTotal: 0, snapshotLoaded: false });
  });

  it('says which snapshot it loaded', async () => {
    const { kit, dataDir } = await written(2, [2]);
    const log = captured();
    const { pawl } = await kit.restart({ logger: log.logger });
    expect(log.one('snapshot loaded')).toEqual({
      level: 'info',
      component: 'recovery',
      snapshotSequence: pawl.report.snapshotSequence,
      taskCount: 2,
      runCount: 2,
      path: first(snapshotsOf(dataDir)),
      msg: 'snapshot loaded',
    });
    expect(log.one('recovery complete')).toMatchObject({ snapshotLoaded: true });
  });
});

describe('a snapshot that cannot be used', () => {
  it('is named with what comes next: the older one, then the log; the report names both', async () => {
    const { kit, dataDir } = await written(3, [1, 2]);
    await kit.pawl.close();
    const [newest, older] = snapshotsOf(dataDir);
    for (const path of [newest, older]) flip(path ?? '', 60);
    const log = captured();
    const { pawl } = await kit.restart({ logger: log.logger });
    const lines = log.all('snapshot cannot be used, falling back');
    expect(lines).toMatchObject([
      { level: 'warn', component: 'recovery', path: newest, next: 'older' },
      { level: 'warn', component: 'recovery', path: older, next: 'log' },
    ]);
    for (const line of lines) {
      expect(Object.keys(line).sort()).toEqual(['component', 'err', 'level', 'msg', 'next', 'path']);
      expect(line['err']).toMatchObject({ code: 'SNAPSHOT_CORRUPT', data: { path: line['path'] } });
    }
    expect(pawl.report.snapshotsRejected).toMatchObject([
      { path: newest, code: 'SNAPSHOT_CORRUPT' },
      { path: older, code: 'SNAPSHOT_CORRUPT' },
    ]);
    expect(pawl.report).toMatchObject({ snapshotLoaded: false, snapshotSequence: 0 });
    expect(pawl.projections.runs.countByState('completed')).toBe(3);
  });

  it('because it breaks a rule, is named with the rule', async () => {
    const { kit, dataDir } = await written(2);
    await kit.pawl.close();
    const encoder = new SnapshotEncoder(1);
    pourSnapshot(sampleSnapshot(3, { runs: [sampleRun()] }), encoder);
    const path = join(dataDir, 'snapshots', '3.snapshot');
    writeFileSync(path, encoder.take());
    const log = captured();
    const { pawl } = await kit.restart({ logger: log.logger });
    const line = log.one('snapshot cannot be used, falling back');
    expect(line).toMatchObject({ level: 'warn', path, rule: 'unknownReference', next: 'log' });
    expect(line['err']).toMatchObject({ code: 'SNAPSHOT_INVALID' });
    expect(pawl.report.snapshotsRejected).toMatchObject([
      { path, code: 'SNAPSHOT_INVALID', rule: 'unknownReference' },
    ]);
  });

  it('is not: one that is ahead of an empty log is accepted with a notice', async () => {
    const { kit, dataDir } = await written(2, [2]);
    await kit.pawl.close();
    rmSync(join(dataDir, 'wal'), { recursive: true });
    rmSync(join(dataDir, 'head'));
    const log = captured();
    const { pawl } = await kit.restart({ logger: log.logger });
    const { snapshotSequence } = pawl.report;
    expect(log.one('snapshot ahead of an empty log accepted')).toEqual({
      level: 'info',
      component: 'recovery',
      snapshotSequence,
      msg: 'snapshot ahead of an empty log accepted',
    });
    expect(pawl.projections.sequence).toBeGreaterThan(snapshotSequence);
    expect(pawl.projections.runs.countByState('completed')).toBe(2);
  });
});

describe('a torn last batch', () => {
  it('is told with what was cut and where its copy is, and the report says the same', async () => {
    const { kit, dataDir } = await written(1);
    const elsewhere = await kit.crash({ dataDir: join(await temporaryDirectory(), 'data') });
    const place = tearTail(dataDir);
    const log = captured();
    const { pawl } = await elsewhere.restart({ dataDir, logger: log.logger });
    const line = log.one('log repaired');
    expect(line).toEqual({
      level: 'warn',
      component: 'journal',
      ...place,
      bytes: 20,
      quarantine: expect.stringContaining(place.segment) as unknown,
      msg: 'log repaired',
    });
    const { segment, offset, bytes, quarantine } = line;
    expect(pawl.report.repaired).toEqual({ segment, offset, bytes, quarantine });
  });
});
