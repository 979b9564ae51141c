// Acceptance row 19: two real processes on one directory, and SIGKILL.
import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { openJournal } from '../../src/journal/open-journal.js';
import { actorsOf, newDir, removeDirs, tree } from '../journal/wal-fixtures.js';
import { builtProgramsRoot } from './harness/child.js';

/** Opens the log given, appends until it is killed, and prints what was acknowledged. `--open` only opens. */
const HOLDER = `
const [door, dir, mode] = process.argv.slice(1);
const { openJournal } = await import(door);
try {
  const journal = await openJournal(dir, { repair: 'truncate-partial' });
  console.log(JSON.stringify({ opened: journal.currentSequence, pid: process.pid }));
  while (mode !== '--open') {
    const sequence = journal.currentSequence + 1;
    await journal.append({ type: 'ActorHeartbeat', sequence, at: sequence, actorId: 'a' + sequence });
    console.log(JSON.stringify({ acknowledged: sequence }));
  }
  await journal.close();
} catch (error) {
  console.log(JSON.stringify({ code: error.code, data: error.data }));
}
`;
const children: ChildProcess[] = [];

interface Line {
  readonly opened?: number;
  readonly pid?: number;
  readonly acknowledged?: number;
  readonly code?: string;
  readonly data?: {
    readonly pid?: number;
    readonly host?: string;
    readonly since?: number;
    readonly path?: string;
  };
}

class Holder {
  readonly lines: Line[] = [];
  readonly process: ChildProcess;
  private readonly reader: Interface;
  private wake: () => void = () => undefined;

  constructor(dir: string, mode = '') {
    const door = pathToFileURL(join(builtProgramsRoot(), 'src/journal/index.js')).href;
    this.process = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, door, dir, mode], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(this.process);
    if (this.process.stdout === null) throw new Error('no output');
    this.reader = createInterface(this.process.stdout);
    this.reader.on('line', (text) => {
      this.lines.push(JSON.parse(text) as Line);
      this.wake();
    });
  }

  async until(wanted: (line: Line) => boolean): Promise<Line> {
    for (;;) {
      const found = this.lines.find(wanted);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async ended(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit');
    this.reader.close();
  }

  get lastAcknowledged(): number {
    return Math.max(0, ...this.lines.map((line) => line.acknowledged ?? 0));
  }
}

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.resolve();
  removeDirs();
});

describe('row 19: two processes on one directory', () => {
  it('the second is refused with holder information before it touches anything, and opens after kill -9 of the first', async () => {
    const dir = newDir();
    const first = new Holder(dir);
    const { pid } = await first.until((line) => line.opened !== undefined);
    await first.until((line) => (line.acknowledged ?? 0) >= 20);
    first.process.kill('SIGSTOP');
    const before = tree(dir);
    const second = new Holder(dir, '--open');
    const refusal = await second.until((line) => line.code !== undefined);
    expect(refusal.code).toBe('DATA_DIR_LOCKED');
    expect(refusal.data).toMatchObject({ pid, path: join(dir, 'lock') });
    expect(typeof refusal.data?.host).toBe('string');
    expect(tree(dir)).toEqual(before);
    await expect(openJournal(dir)).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED', data: { pid } });
    first.process.kill('SIGKILL');
    await first.ended();
    const journal = await openJournal(dir, { repair: 'truncate-partial' });
    expect(journal.currentSequence).toBeGreaterThanOrEqual(first.lastAcknowledged);
    await journal.close();
  }, 600_000);

  it('nothing acknowledged is lost over many kills, and nothing is there twice', async () => {
    const dir = newDir();
    let acknowledged = 0;
    for (let round = 0; round < 8; round++) {
      const holder = new Holder(dir);
      const { opened } = await holder.until((line) => line.opened !== undefined);
      expect(opened).toBeGreaterThanOrEqual(acknowledged);
      await holder.until((line) => (line.acknowledged ?? 0) >= (opened ?? 0) + 5 + round * 7);
      holder.process.kill('SIGKILL');
      await holder.ended();
      acknowledged = holder.lastAcknowledged;
    }
    const journal = await openJournal(dir, { repair: 'truncate-partial' });
    expect(journal.currentSequence).toBeGreaterThanOrEqual(acknowledged);
    const expected = Array.from({ length: journal.currentSequence }, (_, index) => `a${String(index + 1)}`);
    expect(await actorsOf(journal)).toEqual(expected);
    await journal.close();
  }, 600_000);
});
