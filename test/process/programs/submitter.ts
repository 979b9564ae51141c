// Submits one task after another, as it is asked, on a machine that refuses something: what is acknowledged, what is
// refused and with which code is told; nothing that fails ends the program.
import { closeSync, openSync } from 'node:fs';
import { isPawlError, openOrchestrator, type Orchestrator } from '../../../src/index.js';
import type { Call, Refusal, SubmitterCalls, SubmitterSetup } from './protocol.js';
import { main, setupOf, tell } from './tell.js';

const MAX_DESCRIPTORS = 100_000;

function refusalOf(error: unknown): Refusal {
  if (isPawlError(error)) return { code: error.code, message: error.message, data: error.data };
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

async function outcome(work: Promise<unknown>): Promise<{ readonly refused?: Refusal }> {
  try {
    await work;
    return {};
  } catch (error) {
    return { refused: refusalOf(error) };
  }
}

type Answers = {
  [K in keyof SubmitterCalls]: (
    ...args: Parameters<SubmitterCalls[K]>
  ) => Promise<ReturnType<SubmitterCalls[K]>> | ReturnType<SubmitterCalls[K]>;
};

function answersOf(pawl: Orchestrator, from: number): Answers {
  const held: number[] = [];
  let next = from;
  return {
    async submitSome(count, bytes) {
      const acknowledged: string[] = [];
      while (acknowledged.length < count) {
        const id = `task-${String(next++)}`;
        const { refused } = await outcome(pawl.submit('nobody', 'x'.repeat(bytes), { id }));
        if (refused !== undefined) return { acknowledged, refused };
        acknowledged.push(id);
      }
      return { acknowledged };
    },
    unreadable: (taskIds) => taskIds.filter((id) => pawl.projections.tasks.get(id) === undefined),
    cancel: (taskId) => outcome(pawl.cancelTask(taskId)),
    snapshot: () => outcome(pawl.snapshot()),
    holdDescriptors(hold) {
      try {
        while (hold && held.length < MAX_DESCRIPTORS) held.push(openSync('/dev/null', 'r'));
      } catch {
        // There is none left.
      }
      const count = held.length;
      if (!hold) for (const fd of held.splice(0)) closeSync(fd);
      return count;
    },
    finish: () => outcome(pawl.close({ drainMs: 0 })),
  };
}

await main(async () => {
  const { dataDir, from, segmentBytes, expectExisting = false } = setupOf() as SubmitterSetup;
  const pawl = await openOrchestrator({
    dataDir,
    expectExisting,
    ...(segmentBytes === undefined ? {} : { limits: { segmentBytes } }),
  });
  const answers: { readonly [K in keyof Answers]: (...args: never[]) => unknown } = answersOf(pawl, from);
  const answer = async ({ id, method, args }: Call): Promise<void> => {
    const value = await answers[method as keyof SubmitterCalls](...(args as never[]));
    tell({ type: 'answer', id, value });
    if (method === 'finish') process.disconnect();
  };
  process.on('message', (call) => void answer(call as Call));
  tell({
    type: 'opened',
    sweeps: Object.fromEntries(pawl.report.sweeps.map(({ name, settled }) => [name, settled])),
    repaired: pawl.report.repaired !== undefined,
  });
});
