// An orchestrator for tests: in memory, on a manual clock, with chance from a seed. What it keeps survives `restart`,
// as a disk would, so recovery can be tested without one.
import type { IdSource, RandomSource } from '../clock.js';
import type { EngineRuntime } from '../engine-runtime.js';
import { uuidV7 } from '../host-clock.js';
import { FileBackend } from '../journal/file-backend.js';
import { MemoryBackend } from '../journal/memory-backend.js';
import type { JournalBackend } from '../journal/journal-backend.js';
import { openWith } from '../open-orchestrator.js';
import type { CloseOptions, Orchestrator } from '../orchestrator.js';
import type { OrchestratorOptions } from '../options.js';
import type { FaultyStorage } from './faulty-storage.js';
import { ManualClock } from './manual-clock.js';

/** Options of `testOrchestrator`: those of `openOrchestrator`, all optional. */
export interface TestOrchestratorOptions extends Partial<OrchestratorOptions> {
  /** Default: a new manual clock. */
  readonly clock?: ManualClock;
  /**
   * A simulated disk to keep everything on, in `dataDir` (default `/data`). `crash` leaves its cache as it is; after
   * `storage.crash(random)` it finds what a power cut left. Default: none, in memory.
   */
  readonly storage?: FaultyStorage;
  /** Seed of ids and chance; default 1. */
  readonly seed?: number;
}

/** An orchestrator under test. */
export interface TestOrchestrator extends AsyncDisposable {
  readonly pawl: Orchestrator;
  readonly clock: ManualClock;
  /** Tells the clock that the handler of a run waits for something the test will do; call the result when it has. */
  readonly park: (runId: string) => () => void;
  /** Closes and opens again on what was kept; other options may be given. */
  readonly restart: (options?: TestOrchestratorOptions & CloseOptions) => Promise<TestOrchestrator>;
  /** Drops the orchestrator as a crash would, and opens again on what was durable. */
  readonly crash: (options?: TestOrchestratorOptions) => Promise<TestOrchestrator>;
}

/** Chance from a seed: xorshift32, good enough for tests and the same on every machine. */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0 || 1;
  const nextU32 = (): number => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  return { nextU32, nextUnit: () => nextU32() / 0x1_0000_0000 };
}

/** Opens an orchestrator for a test. */
export async function testOrchestrator(options: TestOrchestratorOptions = {}): Promise<TestOrchestrator> {
  const clock = options.clock ?? new ManualClock();
  const random = options.random ?? seededRandom(options.seed ?? 1);
  const ids = options.ids ?? uuidV7(clock, random);
  // A directory means files; without one everything is kept in memory.
  const backend =
    options.backend ??
    (options.dataDir === undefined && options.storage === undefined ? new MemoryBackend() : undefined);
  return await open({ options, clock, random, ids, backend });
}

/** A backend of files is good for one opening. */
function backendOn({ storage, dataDir = '/data' }: TestOrchestratorOptions): JournalBackend | undefined {
  return storage === undefined ? undefined : new FileBackend(storage.asProcess(), dataDir);
}

interface Kept {
  readonly options: TestOrchestratorOptions;
  readonly clock: ManualClock;
  readonly random: RandomSource;
  readonly ids: IdSource;
  readonly backend: JournalBackend | undefined;
}

async function open(kept: Kept): Promise<TestOrchestrator> {
  const { clock, random, ids } = kept;
  const { seed: _seed, storage: _storage, ...given } = kept.options;
  const backend = kept.backend ?? backendOn(kept.options);
  let runtime: EngineRuntime | undefined;
  const pawl = await openWith(
    { dataDir: 'memory', ...given, clock, random, ids, ...(backend === undefined ? {} : { backend }) },
    {
      onRuntime: (opened) => {
        runtime = opened;
      },
    },
  );
  const engine = runtime;
  if (engine === undefined) throw new TypeError('The orchestrator opened without a runtime.');
  const parked = new Set<string>();
  const unwatch = clock.watch({
    isQuiet: (sleepers) => isQuiet(engine, sleepers, parked),
    describe: () =>
      `runs in flight: ${[...engine.scheduler.executor.openAttempts.keys()].join(', ') || 'none'}`,
  });
  const again = (options: TestOrchestratorOptions): Promise<TestOrchestrator> =>
    open({
      ...kept,
      options: { ...kept.options, ...options },
      ...(options.backend === undefined ? {} : { backend: options.backend }),
    });
  return {
    pawl,
    clock,
    park(runId) {
      parked.add(runId);
      return () => {
        parked.delete(runId);
      };
    },
    async restart(options = {}) {
      const { drainMs = 0, ...rest } = options;
      await pawl.close({ drainMs });
      unwatch();
      return await again(rest);
    },
    async crash(options = {}) {
      const { storage } = kept.options;
      // Of a simulated process nothing is answered any more, the end of an abandoned one neither.
      storage?.forgetProcess();
      const abandoned = engine.abandon();
      if (storage === undefined) await abandoned;
      unwatch();
      return await again(options);
    },
    async [Symbol.asyncDispose]() {
      await pawl.close({ drainMs: 0 });
      unwatch();
    },
  };
}

function isQuiet(engine: EngineRuntime, sleepers: number, parked: ReadonlySet<string>): boolean {
  const { scheduler } = engine;
  if (engine.stopped) return true;
  let unsettled = 0;
  for (const live of scheduler.executor.openAttempts.values())
    if (!live.settled && !parked.has(live.row.id)) unsettled++;
  // Handlers that wait for the clock, or for the test, go on when those do; all others must have settled.
  const working = engine.pipeline.queued > 0 || engine.upkeep.busy;
  return scheduler.quiet && !working && unsettled <= sleepers;
}
