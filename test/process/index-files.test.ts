// The example that `npm start` runs: killed at several moments and started again it repeats nothing that was done, and
// what it tells equals what `find` and `sha256sum` say. Bad input is told plainly and changes nothing.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { decodePayload, type RunRecord } from '../../src/index.js';
import { seededRandom } from '../../src/testing/index.js';
import { temporaryDirectory } from '../support/engine.js';
import { checksumsOf, look, lookUntil, startIndexing, type Seen } from './harness/examples.js';

const TEST_LIMIT_MS = 600_000;
const SMALL_FILES = 300;
const LARGE_FILES = 16;
const LARGE_BYTES = 2_097_152;

interface FileFacts {
  readonly path: string;
  readonly pathBase64?: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly lines: number;
}

interface Report {
  readonly files: number;
  readonly bytes: number;
  readonly lines: number;
  readonly largest?: FileFacts;
  readonly failed: readonly { readonly path: string; readonly error: string }[];
  readonly notWalked: readonly { readonly path: string; readonly error: string }[];
  readonly doneBefore: number;
  readonly ranNow: number;
  readonly recovery: { readonly start: number };
  readonly facts: readonly FileFacts[];
}

let folder: string;
let dataDir: string;

beforeEach(async () => {
  const directory = await temporaryDirectory();
  folder = join(directory, 'folder');
  dataDir = join(directory, 'data');
  mkdirSync(folder);
});

/** A folder with everything a real one may hold. */
function fill(): void {
  const random = seededRandom(7);
  const noise = (bytes: number): Buffer => {
    const buffer = Buffer.alloc(bytes);
    for (let at = 0; at + 4 <= bytes; at += 4) buffer.writeUInt32LE(random.nextU32(), at);
    return buffer;
  };
  for (let index = 0; index < SMALL_FILES; index++) {
    const inside = join(folder, `part-${String(index % 7)}`, index % 3 === 0 ? 'deeper' : '');
    mkdirSync(inside, { recursive: true });
    writeFileSync(
      join(inside, `file-${String(index)}.txt`),
      `line\n`.repeat(index) + `no end ${String(index)}`,
    );
  }
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(join(folder, 'one-newline'), '\n');
  writeFileSync(join(folder, 'binary'), Buffer.from(Array.from({ length: 1_024 }, (_, byte) => byte % 256)));
  for (const name of ['Grüße aus Köln.txt', '日本語', 'emoji 🦀.md', 'two\nlines', '-dash', 'it\'s "quoted"'])
    writeFileSync(join(folder, name), name);
  for (let index = 0; index < LARGE_FILES; index++)
    writeFileSync(join(folder, 'part-6', `large-${String(index)}`), noise(LARGE_BYTES));
  symlinkSync(join(folder, 'empty'), join(folder, 'link-to-a-file'));
  symlinkSync(join(folder, 'part-1'), join(folder, 'link-to-a-folder'));
  symlinkSync('/nowhere', join(folder, 'link-to-nothing'));
}

function completed({ runs }: Seen): RunRecord[] {
  return runs.filter((run) => run.state === 'completed');
}

function acceptedAttempts(seen: Seen): Record<string, string | undefined> {
  return Object.fromEntries(completed(seen).map((run) => [run.id, run.attempts.at(-1)?.id]));
}

/** Starts it, and kills it once `more` runs than at its start have completed. */
async function killOnce(more: number): Promise<Record<string, string | undefined>> {
  const before = await look(dataDir);
  const enough = more + (before === undefined ? 0 : completed(before).length);
  const started = startIndexing(folder, '--data', dataDir, '--concurrency', '1');
  await lookUntil(dataDir, started, (seen) => completed(seen).length >= enough);
  started.child.kill('SIGKILL');
  expect((await started.ended).signal).toBe('SIGKILL');
  const seen = await look(dataDir);
  if (seen === undefined) throw new Error('nothing is left of the data directory');
  return acceptedAttempts(seen);
}

async function finish(): Promise<Report> {
  const { code, stdout, stderr } = await startIndexing(folder, '--data', dataDir, '--json').ended;
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Report;
}

function checksumsIn(report: Report): Record<string, string> {
  return Object.fromEntries(report.facts.map((file) => [file.path, file.sha256]));
}

describe('indexing a folder', () => {
  it(
    'killed at several moments it goes on without repeating what was done, and tells what find and sha256sum say',
    async () => {
      fill();
      const done: Record<string, string | undefined> = {};
      for (const more of [1, 30, 3]) Object.assign(done, await killOnce(more));

      // A file that was found and not read yet disappears: its run fails, and nothing else does.
      const left = await look(dataDir);
      const waiting = left?.runs.findLast((run) => run.state === 'ready');
      const input = waiting === undefined ? undefined : left?.taskOf(waiting)?.spec.input;
      if (input === undefined) throw new Error('no run is left to fail');
      const { path: gone } = decodePayload(input) as { readonly path: string };
      unlinkSync(gone);

      const report = await finish();
      const expected = checksumsOf(folder);
      expect(checksumsIn(report)).toEqual(expected);
      expect(report.files).toBe(Object.keys(expected).length);
      expect(report.failed).toEqual([{ path: gone, error: 'cannot be read: ENOENT' }]);
      expect(report.notWalked).toEqual([]);
      expect(report.largest?.bytes).toBe(LARGE_BYTES);
      expect(report.recovery.start).toBe(4);
      // A reader without the lock does not see the last batch before the kill; the next start counts it.
      expect(report.doneBefore).toBeGreaterThanOrEqual(Object.keys(done).length);
      expect(report.ranNow).toBe(report.files - report.doneBefore + 1);

      const after = await look(dataDir);
      if (after === undefined) throw new Error('nothing is left of the data directory');
      expect(acceptedAttempts(after)).toMatchObject(done);
      for (const run of completed(after))
        expect(run.attempts.filter((attempt) => attempt.result === 'success')).toHaveLength(1);

      const again = await finish();
      expect(again).toMatchObject({ ranNow: 0, doneBefore: report.files, failed: [] });
      expect(again.facts).toEqual(report.facts);
    },
    TEST_LIMIT_MS,
  );

  it(
    'counts bytes and lines as wc does, an empty file and one without an end included',
    async () => {
      writeFileSync(join(folder, 'a-empty'), '');
      writeFileSync(join(folder, 'b-open-end'), 'one\ntwo');
      writeFileSync(join(folder, 'c-binary'), Buffer.from([0, 10, 255, 10, 128]));
      const report = await finish();
      expect(report.facts.map(({ bytes, lines }) => [bytes, lines])).toEqual([
        [0, 0],
        [7, 1],
        [5, 2],
      ]);
      expect(report).toMatchObject({ files: 3, bytes: 12, lines: 3, failed: [] });
    },
    TEST_LIMIT_MS,
  );

  it(
    'does a changed file again, and forgets everything with --fresh',
    async () => {
      writeFileSync(join(folder, 'kept'), 'same');
      writeFileSync(join(folder, 'changed'), 'before');
      await finish();
      writeFileSync(join(folder, 'changed'), 'after!');
      const second = await finish();
      expect(second).toMatchObject({ files: 2, ranNow: 1, doneBefore: 1 });
      expect(checksumsIn(second)).toEqual(checksumsOf(folder));
      // A life of more than a second leaves this, too.
      writeFileSync(join(dataDir, 'reserve'), Buffer.alloc(512));
      const { code, stdout, stderr } = await startIndexing(folder, '--data', dataDir, '--fresh').ended;
      expect(code).toBe(0);
      expect(stdout).toContain('2 runs in ');
      expect(stdout).toContain('nothing to recover');
      // Piped: plain lines, nothing that moves a cursor.
      for (const control of ['\r', '\u001b']) expect(stdout + stderr).not.toContain(control);
    },
    TEST_LIMIT_MS,
  );

  it(
    'interrupted by SIGINT it says so, ends with 130, and goes on at the next start',
    async () => {
      fill();
      const started = startIndexing(folder, '--data', dataDir, '--concurrency', '2');
      await lookUntil(dataDir, started, (seen) => completed(seen).length >= 1);
      started.child.kill('SIGINT');
      const { code, stdout, stderr } = await started.ended;
      expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
      expect(stderr).toMatch(/Interrupted after \d+ runs\. Start it again and it goes on\.\n$/);
      const report = await finish();
      expect(checksumsIn(report)).toEqual(checksumsOf(folder));
      expect(report.doneBefore).toBeGreaterThan(0);
    },
    TEST_LIMIT_MS,
  );

  it(
    'leaves its own data directory out when that lies in the folder',
    async () => {
      writeFileSync(join(folder, 'only'), 'one');
      const inside = join(folder, '.pawl-index');
      const { code, stdout } = await startIndexing(folder, '--data', inside, '--json').ended;
      expect(code).toBe(0);
      expect((JSON.parse(stdout) as Report).facts.map((file) => file.path)).toEqual([join(folder, 'only')]);
    },
    TEST_LIMIT_MS,
  );
});

describe('what it is given', () => {
  it.each([
    ['an unknown option', ['--nope'], "Unknown option '--nope'"],
    [
      'a concurrency of nothing',
      ['--concurrency', '0'],
      '--concurrency is "0"; pass an integer from 1 to 1000.',
    ],
    ['a concurrency that is no number', ['--concurrency', 'many'], '--concurrency is "many"'],
    ['an option without its value', ['--data'], "Option '--data <value>' argument missing"],
    ['an empty data directory', ['--data', ''], '--data is empty'],
    ['two folders', ['one', 'two'], 'One folder at a time, not 2: one, two.'],
    ['a folder that is not there', ['/no/such/folder'], 'The folder /no/such/folder does not exist'],
    ['a file for a folder', ['package.json'], 'package.json is not a folder'],
  ])(
    '%s is refused with a message and the usage',
    async (_what, args, message) => {
      const { code, stdout, stderr } = await startIndexing(...args).ended;
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain(message);
      expect(stderr).toContain('usage: npm start --');
    },
    TEST_LIMIT_MS,
  );

  it(
    'a data directory whose parent is missing is refused with the path alone',
    async () => {
      const { code, stderr } = await startIndexing(folder, '--data', '/no/such/parent/data').ended;
      expect(code).toBe(1);
      expect(stderr).toContain('its parent /no/such/parent does not exist; create it first');
      expect(stderr).not.toContain('usage:');
    },
    TEST_LIMIT_MS,
  );

  it(
    'files whose names are no UTF-8 are told with their bytes, and told apart; what is no file is passed over',
    async () => {
      const names = ['caf\xe9', 'caf\xe8', 'in \xff/\xfe'].map((name) => Buffer.from(name, 'latin1'));
      const at = (name: Buffer): Buffer => Buffer.concat([Buffer.from(`${folder}/`), name]);
      mkdirSync(at(Buffer.from('in \xff', 'latin1')));
      mkdirSync(join(folder, 'empty folder'));
      for (const name of names) writeFileSync(at(name), name);
      execFileSync('mkfifo', [join(folder, 'fifo')]);
      symlinkSync(folder, join(folder, 'around'));
      symlinkSync('around-2', join(folder, 'around-1'));
      symlinkSync('around-1', join(folder, 'around-2'));
      const report = await finish();
      const told = report.facts.map(({ pathBase64 = '', sha256 }) => [pathBase64, sha256]);
      const expected = names.map((name) => [
        at(name).toString('base64'),
        createHash('sha256').update(name).digest('hex'),
      ]);
      expect(new Map(told as [string, string][])).toEqual(new Map(expected as [string, string][]));
      expect(report).toMatchObject({ files: 3, failed: [], notWalked: [] });
      expect(await finish()).toMatchObject({ ranNow: 0, doneBefore: 3, facts: report.facts });
      const failing = names[0] ?? Buffer.from('');
      writeFileSync(at(failing), 'changed');
      const { stdout } = await startIndexing(folder, '--data', dataDir).ended;
      expect(stdout).toContain('3 files');
      expect(stdout).not.toContain('failed');
    },
    TEST_LIMIT_MS,
  );

  it(
    'an empty folder has nothing to tell of, and names with line ends do not break the lines of the report',
    async () => {
      const empty = await startIndexing(folder, '--data', dataDir).ended;
      expect(empty).toMatchObject({ code: 0, stderr: '' });
      expect(empty.stdout).toContain(`0 files in ${folder}\n`);
      expect(empty.stdout).not.toContain('largest');
      writeFileSync(join(folder, 'two\nlines \u001b[31m'), 'x');
      const { stdout } = await startIndexing(folder, '--data', dataDir).ended;
      expect(stdout).toContain('two\\nlines \\u001b[31m, 1 byte');
    },
    TEST_LIMIT_MS,
  );

  it(
    '--fresh does not empty a directory that holds anything else',
    async () => {
      writeFileSync(join(folder, 'letter.txt'), 'dear');
      mkdirSync(join(folder, 'wal'));
      const { code, stderr } = await startIndexing(folder, '--data', folder, '--fresh').ended;
      expect(code).toBe(1);
      expect(stderr).toContain('letter.txt, which Pawl did not write');
      expect(readdirSync(folder).sort()).toEqual(['letter.txt', 'wal']);
    },
    TEST_LIMIT_MS,
  );

  it(
    'a second process on the same data directory is refused, with --fresh too, and the first one goes on',
    async () => {
      fill();
      const first = startIndexing(folder, '--data', dataDir, '--concurrency', '1');
      await lookUntil(dataDir, first, (seen) => seen.runs.length > 0);
      first.child.kill('SIGSTOP');
      for (const more of [[], ['--fresh']]) {
        const { code, stderr } = await startIndexing(folder, '--data', dataDir, ...more).ended;
        expect(code).toBe(1);
        expect(stderr).toContain(dataDir);
        expect(stderr).not.toContain('usage:');
      }
      first.child.kill('SIGCONT');
      expect((await first.ended).code).toBe(0);
    },
    TEST_LIMIT_MS,
  );
});
