// A short life with everything that touches the disk: start, submissions, runs, rotation, a snapshot, a close; one thing
// after the other, so that the same system calls come in the same order each time. A refusal is told and the
// life goes on; what it acknowledges and completes is told as it happens.
import { defineTask, isPawlError, openOrchestrator } from '../../../src/index.js';
import { silentLogger } from '../../../src/logger.js';
import { main, setupOf, tell } from './tell.js';

interface ShortLifeSetup {
  readonly dataDir: string;
  /** Number of the first task. */
  readonly from: number;
}

const TASKS = 3;
/** Two commits a segment, or so. */
const SEGMENT_BYTES = 4_096;
const FILLER = 'x'.repeat(2_500);

const note = defineTask('note', (_context, _filler: string) => 'done');

async function tried(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell({ type: 'refused', refusal: { message, ...(isPawlError(error) ? { code: error.code } : {}) } });
  }
}

await main(async () => {
  const { dataDir, from } = setupOf() as ShortLifeSetup;
  const pawl = await openOrchestrator({
    dataDir,
    tasks: [note],
    limits: { segmentBytes: SEGMENT_BYTES },
    logger: {
      ...silentLogger,
      warn(_fields, message) {
        tell({ type: 'warned', message });
      },
    },
  });
  tell({
    type: 'opened',
    sweeps: Object.fromEntries(pawl.report.sweeps.map(({ name, settled }) => [name, settled])),
    repaired: pawl.report.repaired !== undefined,
  });
  for (let number = from; number < from + TASKS; number++) {
    await tried(async () => {
      const { taskId, runIds } = await pawl.submit(note, FILLER, { id: `short-${String(number)}` });
      tell({ type: 'acknowledged', taskIds: [taskId], known: 0 });
      const [runId = ''] = runIds;
      await Promise.race([
        pawl.run(runId).result(),
        pawl.failed.then((error) => {
          throw error;
        }),
      ]);
      tell({ type: 'completed', runIds: [runId] });
    });
  }
  await tried(() => pawl.snapshot());
  await tried(() => pawl.close());
  process.disconnect();
});
