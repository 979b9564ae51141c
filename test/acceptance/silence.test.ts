// Row 20a: without a logger nothing is written to stdout or stderr, whatever happens. In a process of its own, on the
// built package.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../support/engine.js';

describe('without a logger', () => {
  beforeAll(() => {
    execFileSync(process.execPath, ['scripts/build.mjs', '--if-stale'], { stdio: 'pipe' });
  }, 600_000);

  it('nothing is written to stdout or stderr, whatever happens', async () => {
    const dataDir = join(await temporaryDirectory(), 'data');
    const door = (name: string): string =>
      JSON.stringify(pathToFileURL(join(process.cwd(), 'dist', 'esm', name)).href);
    const program = `
      import { readFileSync, writeFileSync, readdirSync } from 'node:fs';
      import { defineTask, openOrchestrator } from ${door('index.js')};
      import { testOrchestrator } from ${door('testing/index.js')};
      const dataDir = ${JSON.stringify(dataDir)};
      const work = defineTask('work', async (context) => {
        context.log.info({ runId: context.runId }, 'from the handler');
        throw new Error('on purpose');
      });
      const deaf = defineTask('deaf', () => new Promise(() => undefined));
      const options = { dataDir, tasks: [work, deaf], timeoutGraceMs: 10 };
      let kit = await testOrchestrator(options);
      await kit.pawl.submit(work);
      const { runIds } = await kit.pawl.submit(deaf, undefined, { constraints: { timeoutMs: 10 } });
      kit.park(runIds[0]);
      await kit.clock.advance(1_000);
      kit.clock.jump(3_600_000);
      await kit.pawl.submit(deaf);
      await kit.pawl.snapshot();
      kit = await kit.crash();
      const path = (folder) => dataDir + '/' + folder + '/' + readdirSync(dataDir + '/' + folder).at(-1);
      const damaged = path('snapshots');
      const bytes = readFileSync(damaged);
      bytes[60] ^= 1;
      writeFileSync(damaged, bytes);
      await kit.crash({ dataDir: dataDir + '-other' });
      const segment = path('wal');
      const log = readFileSync(segment);
      writeFileSync(segment, Buffer.concat([log, log.subarray(0, 20)]));
      const pawl = await openOrchestrator({ dataDir, tasks: [work] });
      if (pawl.report.repaired === undefined || pawl.report.snapshotsRejected.length !== 1) process.exitCode = 3;
      await pawl.close();
      process.exit();
    `;
    const ended = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    expect({ stdout: ended.stdout, stderr: ended.stderr, status: ended.status }).toEqual({
      stdout: '',
      stderr: '',
      status: 0,
    });
  }, 600_000);
});
