// The `pawl` command: what it prints, in text and in JSON, its exit codes, and that errors are one line.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { runCli } from '../../src/cli/run.js';
import { damageCommit, shortLife } from '../journal/offline-fixture.js';
import { newDir, newestSegment, removeDirs, tree } from '../journal/wal-fixtures.js';
import { builtProgramsRoot } from '../process/harness/child.js';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';

afterEach(removeDirs);

interface Said {
  readonly code: number;
  readonly out: string[];
  readonly err: string[];
}

async function pawl(...args: string[]): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const into = (lines: string[]) => (line: string) => {
    lines.push(line);
    return Promise.resolve(true);
  };
  const code = await runCli(args, { out: into(out), err: into(err) });
  return { code, out, err };
}

describe('pawl', () => {
  it('verifies a whole directory and changes nothing', async () => {
    const { dir, snapshots } = await shortLife();
    const before = tree(dir);
    const said = await pawl('verify', dir);
    expect(said).toMatchObject({ code: 0, err: [] });
    expect(said.out.join('\n')).toMatch(/^log: whole; \d+ segments, .* commits, events 1–[\d ]+, closed\n/);
    const json = JSON.parse((await pawl('verify', dir, '--json')).out.join('')) as Record<string, unknown>;
    expect(json).toMatchObject({ firstSequence: 1, sealed: true, torn: false });
    expect(json['snapshots']).toMatchObject([{ sequence: snapshots[1] }, { sequence: snapshots[0] }]);
    expect(tree(dir)).toEqual(before);
  });

  it('says damage in one line, in JSON too, and ends with 1', async () => {
    const { dir, snapshots } = await shortLife();
    damageCommit(dir, snapshots[0]);
    for (const command of ['verify', 'repair', 'dump', 'snapshot']) {
      const said = await pawl(command, dir);
      expect([command, said.code, said.err.length]).toEqual([command, 1, 1]);
      expect(said.err[0]).toMatch(/^pawl: JOURNAL_CORRUPT: .*is damaged at byte \d+/);
      expect(said.err[0]).not.toContain('\n');
      const { err } = await pawl(command, dir, '--json');
      expect(JSON.parse(err.join(''))).toMatchObject({
        error: { code: 'JOURNAL_CORRUPT', data: { offset: expect.any(Number) } },
      });
    }
    const counted = await pawl('stats', dir);
    expect(counted.code).toBe(1);
    expect(counted.out.join('\n')).toContain('damaged: JOURNAL_CORRUPT');
  });

  it('ends with 3 at a torn end, which repair cuts', async () => {
    const { dir } = await shortLife();
    const path = newestSegment(dir);
    writeFileSync(join(dir, 'head'), Buffer.alloc(0));
    truncateSync(path, readFileSync(path).length - 60);
    const said = await pawl('verify', dir);
    expect(said.code).toBe(3);
    expect(said.err[0]).toMatch(/^pawl: TORN_TAIL: /);
    const repaired = await pawl('repair', dir);
    expect(repaired.out.join('')).toMatch(
      /^cut \d+ bytes of \d{20}\.wal at byte [\d ]+, kept in quarantine\//,
    );
    expect((await pawl('verify', dir)).code).toBe(0);
    expect((await pawl('repair', dir)).out.join('')).toMatch(/^nothing to repair; the log ends at /);
  });

  it('dumps events as lines of JSON, by range and by type, and stops when nobody reads', async () => {
    const { dir } = await shortLife();
    const all = (await pawl('dump', dir)).out.map(
      (line) => JSON.parse(line) as { sequence: number; type: string },
    );
    expect(all[0]).toMatchObject({ sequence: 1, type: 'EpochStarted' });
    const some = (await pawl('dump', dir, '--from', '3', '--to', '9')).out;
    expect(some).toEqual(all.slice(2, 9).map((event) => JSON.stringify(event)));
    const created = (await pawl('dump', dir, '--type', 'TaskCreated')).out;
    expect(created).toHaveLength(55);
    let lines = 0;
    const code = await runCli(['dump', dir], {
      out: () => Promise.resolve(++lines < 3),
      err: () => Promise.resolve(true),
    });
    expect([code, lines]).toEqual([0, 3]);
  });

  it('salvages, and tells what is lost', async () => {
    const { dir, snapshots } = await shortLife();
    const { header } = damageCommit(dir, snapshots[0]);
    const target = newDir();
    const said = await pawl('salvage', dir, target);
    expect(said.code).toBe(0);
    expect(said.out.join('\n')).toContain('lost: events ');
    expect(said.out.join('\n')).toContain(String(header.firstSequence + header.count - 1).slice(-3));
    expect((await pawl('verify', target)).code).toBe(0);
    const again = await pawl('salvage', dir, target);
    expect(again).toMatchObject({ code: 1, out: [] });
    expect(again.err[0]).toMatch(/^pawl: TARGET_EXISTS: /);
  });

  it('takes a snapshot, and counts', async () => {
    const { dir } = await shortLife();
    expect((await pawl('snapshot', dir)).out.join('')).toMatch(
      /\.snapshot: sequence \d+.*55 tasks, 55 runs$/,
    );
    const counted = (await pawl('stats', dir)).out.join('\n');
    expect(counted).toMatch(/^log: .*segments, .*commits, .*events \(1–\d+\), epoch 1\n/);
    expect(counted).toMatch(/\n {2}TaskCreated +55\n/);
  });

  it.each([
    [[], 'a command is missing'],
    [['burn', '/tmp'], 'there is no command burn'],
    [['toString', '/tmp'], 'there is no command toString'],
    [['verify'], 'verify needs a directory'],
    [['salvage', '/tmp'], 'salvage needs the new directory'],
    [['verify', '/tmp', '/tmp'], 'verify takes no more than one directory'],
    [['salvage', '/a', '/b', '/c'], 'salvage takes no more than two directories'],
    [['verify', '/tmp', '--from', '1'], '--from, --to and --type are options of dump'],
    [['dump', '/tmp', '--from', '0'], '--from and --to take a sequence'],
    [['dump', '/tmp', '--to', '1e3'], '--from and --to take a sequence'],
    [['dump', '/tmp', '--loud'], "Unknown option '--loud'"],
  ])('refuses %j with 2 and says what is wrong', async (args, message) => {
    const said = await pawl(...args);
    expect(said).toMatchObject({ code: 2, out: [] });
    expect(said.err).toHaveLength(1);
    expect(said.err[0]).toContain(message);
  });

  it('shows its usage and its version', async () => {
    expect((await pawl('--help')).out.join('')).toContain('Usage: pawl <command> <directory>');
    expect((await pawl('verify', '-h')).code).toBe(0);
    expect((await pawl('--version')).out).toEqual(['0.1.0']);
  });

  it('is a program: streams, exit code, a pipe that is closed early', async () => {
    const { dir } = await shortLife();
    const program = join(builtProgramsRoot(), 'src/cli/main.js');
    const run = (...args: string[]) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
    expect(run('verify', dir)).toMatchObject({ status: 0, stderr: '' });
    expect(run('verify', `${dir}/nothing`)).toMatchObject({ status: 1, stdout: '' });
    expect(run('burn')).toMatchObject({ status: 2, stdout: '' });
    const head = execFileSync('sh', ['-c', `"${process.execPath}" "${program}" dump "${dir}" | head -n 1`], {
      encoding: 'utf8',
    });
    expect(JSON.parse(head)).toMatchObject({ sequence: 1 });
  });
});
