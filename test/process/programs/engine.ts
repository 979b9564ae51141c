// An orchestrator that does what the test asks over IPC, and can be killed at any moment.
import { FileBackend } from '../../../src/journal/file-backend.js';
import { hostClock } from '../../../src/host-clock.js';
import { openOrchestrator, type Orchestrator, type RunState } from '../../../src/index.js';
import { RUN_STATES } from '../../../src/index.js';
import { makeHandlers, type Handlers } from './handlers.js';
import type { Call, EngineCalls, EngineSetup } from './protocol.js';
import { main, setupOf, tell } from './tell.js';
import { trappedStorage } from './trapped-storage.js';

type Answers = { [K in keyof EngineCalls]: (...args: never[]) => unknown };

function answersOf(pawl: Orchestrator, handlers: Handlers): Answers {
  const { runs } = pawl.projections;
  const answers: {
    [K in keyof EngineCalls]: (
      ...args: Parameters<EngineCalls[K]>
    ) => Promise<ReturnType<EngineCalls[K]>> | ReturnType<EngineCalls[K]>;
  } = {
    submit: (type, input, options) => pawl.submit(type, input, options),
    run: (runId) => runs.get(runId),
    counts: () =>
      Object.fromEntries(RUN_STATES.map((state) => [state, runs.countByState(state)])) as Record<
        RunState,
        number
      >,
    pause: async () => (await pawl.pause()).changed,
    resume: async () => (await pawl.resume()).changed,
    resumeRun: async (runId, value) => (await pawl.resumeRun(runId, value)).changed,
    release: (name) => {
      handlers.release(name);
      return undefined;
    },
    idle: async () => (await pawl.idle()).pending,
    close: async () => {
      await pawl.close({ drainMs: 0 });
      return undefined;
    },
  };
  return answers;
}

await main(async () => {
  const setup = setupOf() as EngineSetup;
  const trap = trappedStorage(setup.trap ?? 'beforeWrite');
  const handlers = makeHandlers(setup.effects, () => {
    if (setup.trap !== undefined) trap.arm();
  });
  const { clockAheadMs = 0 } = setup;
  const pawl = await openOrchestrator({
    dataDir: setup.dataDir,
    tasks: handlers.tasks,
    concurrency: setup.concurrency ?? 10,
    suspectMs: setup.suspectMs ?? 60_000,
    clock: { ...hostClock, now: () => hostClock.now() + clockAheadMs },
    backend: new FileBackend(trap.storage, setup.dataDir),
  });
  const answers = answersOf(pawl, handlers);
  const answer = async ({ id, method, args }: Call): Promise<void> => {
    try {
      tell({ type: 'answer', id, value: await answers[method as keyof EngineCalls](...(args as never[])) });
    } catch (error) {
      tell({ type: 'answer', id, error: error instanceof Error ? error.message : String(error) });
    }
    if (method === 'close') process.disconnect();
  };
  process.on('message', (call) => void answer(call as Call));
  tell({
    type: 'opened',
    sweeps: Object.fromEntries(pawl.report.sweeps.map(({ name, settled }) => [name, settled])),
    repaired: pawl.report.repaired !== undefined,
  });
});
