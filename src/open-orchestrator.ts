// Opening an orchestrator, in the order of contract §8: lock and validate, snapshot and tail, the new epoch, the
// sweeps, and only then commands and dispatch. Every step may be repeated: a crash between any two changes nothing.
import type { Clock, IdSource, RandomSource } from './clock.js';
import { PawlError } from './errors.js';
import { hostClock, hostRandom, uuidV7 } from './host-clock.js';
import { LiveContext } from './commands/live-context.js';
import { LockTable } from './commands/lock-table.js';
import type { PawlEvent } from './domain/events.js';
import { EngineRuntime } from './engine-runtime.js';
import { commitHeld, type EngineParts } from './execution/engine-parts.js';
import { FileBackend } from './journal/file-backend.js';
import { hostStorage } from './journal/host-storage.js';
import { openJournalOn } from './journal/open-journal-on.js';
import type { Journal } from './journal/journal.js';
import type { JournalBackend } from './journal/journal-backend.js';
import { Recovery, staged, type Recovered } from './journal/recovery.js';
import { withFields } from './logger.js';
import { journalMachine } from './machines/journal-machine.js';
import { transitionTable, type TransitionTable } from './machines/transition-table.js';
import { Observe } from './observe/observe.js';
import { resolveOptions, type OrchestratorOptions, type ResolvedOptions } from './options.js';
import { Orchestrator } from './orchestrator.js';
import { Deadlines } from './scheduling/deadlines.js';
import { sweepContinuedRuns } from './scheduling/sweeps/continued-runs.js';
import { continuedRunsOf } from './scheduling/sweeps/continued-runs-port.js';
import { sweepDeadEpoch } from './scheduling/sweeps/dead-epoch.js';
import { tasksToReactOn } from './scheduling/sweeps/reactions.js';
import type { SweepContext, SweepReport } from './scheduling/sweeps/sweep.js';
import type { StartReport } from './start-report.js';
import { makeUpkeep, requireUpkeep } from './upkeep/make-upkeep.js';
import { VERSION } from './version.js';

/** What the test kit may replace beside the options. */
export interface OpenHooks {
  /** Gets the runtime before anything is dispatched. */
  readonly onRuntime?: (runtime: EngineRuntime) => void;
  /** The table of another run machine. */
  readonly transitions?: TransitionTable;
}

/**
 * Opens the orchestrator of a data directory: takes its lock, recovers its state, settles what a crash left behind
 * and begins to dispatch.
 *
 * Errors: `INVALID_INPUT`, `DUPLICATE_TASK_TYPE`, `DATA_DIR_MISSING`, `DATA_DIR_LOCKED`, `DATA_DIR_FOREIGN`, `LOCK_UNAVAILABLE`,
 * `READ_ONLY_STORAGE`, `STORAGE_FULL`, `TORN_TAIL` (only with `repair: 'strict'`), `JOURNAL_CORRUPT`, `UNSUPPORTED_FORMAT`,
 * `SEGMENT_MISSING`, `ACKNOWLEDGED_DATA_MISSING`, `SNAPSHOT_AHEAD`, `REPLAY_REFUSED`.
 */
export function openOrchestrator(options: OrchestratorOptions): Promise<Orchestrator> {
  return openWith(options, {});
}

/** `openOrchestrator` with the hooks of the test kit. */
export async function openWith(options: OrchestratorOptions, hooks: OpenHooks): Promise<Orchestrator> {
  const resolved = resolveOptions(options);
  const clock = options.clock ?? hostClock;
  const random = options.random ?? hostRandom();
  const ids = options.ids ?? uuidV7(clock, random);
  const { limits, logger, liveActors, inspect } = resolved;
  const observe = new Observe({ clock, limits, logger, liveActors, inspect });
  try {
    const backend = options.backend ?? new FileBackend(hostStorage, resolved.dataDir);
    return await openOn({ resolved, observe, hooks, backend, clock, random, ids });
  } catch (error) {
    observe.fail(error instanceof PawlError ? error : new PawlError('INTERNAL', String(error), {}, error));
    throw error;
  }
}

interface OpenParts {
  readonly resolved: ResolvedOptions;
  readonly observe: Observe;
  readonly hooks: OpenHooks;
  readonly backend: JournalBackend;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly ids: IdSource;
}

/** Takes the lock, validates, recovers; what was opened is let go of when a later step is refused. */
async function openOn(parts: OpenParts): Promise<Orchestrator> {
  const { resolved, observe, hooks, backend, clock, random, ids } = parts;
  const { limits, logger, dataDir } = resolved;
  requireUpkeep(resolved, backend);
  const transitions = hooks.transitions ?? transitionTable;
  const startedMs = clock.monotonicMs();
  const recovery = new Recovery({
    backend,
    clock,
    logger,
    limits,
    transitions,
    dataDir,
    startedMs,
    onBegin: () => {
      observe.actorSystem.sendOrchestrator({ type: 'recover' });
    },
  });
  const journal = await staged('open', () =>
    openJournalOn(backend, {
      clock,
      ids,
      logger,
      limits,
      repair: resolved.repair,
      expectExisting: resolved.expectExisting,
      lockWaitMs: resolved.lockWaitMs,
      load: recovery,
      // Who asks for strict wants to know before anything is written.
      checkRestLater: resolved.repair !== 'strict',
      onLifecycle: observe.actorSystem.startJournal(journalMachine),
    }),
  );
  const deadlines = new Deadlines(clock);
  try {
    const recovered = await recovery.finish(journal);
    const { projections: state } = recovered;
    const engine: EngineParts = {
      clock,
      ids,
      limits,
      logger,
      state,
      journal,
      locks: new LockTable(),
      context: new LiveContext({ state, journal, clock, ids, random, limits, transitions }),
      deadlines,
      owner: journal.instance,
      handlers: resolved.handlers,
      settings: resolved.settings,
    };
    return await goLive({ resolved, engine, observe, recovered, backend, hooks });
  } catch (error) {
    deadlines.close();
    await journal.abandon();
    throw error;
  }
}

interface LiveParts {
  readonly resolved: ResolvedOptions;
  readonly engine: EngineParts;
  readonly observe: Observe;
  readonly recovered: Recovered;
  readonly backend: JournalBackend;
  readonly hooks: OpenHooks;
}

async function goLive(parts: LiveParts): Promise<Orchestrator> {
  const { resolved, engine, observe, recovered, backend, hooks } = parts;
  const { journal, state } = engine;
  const runtime = new EngineRuntime({
    engine,
    observe,
    upkeep: (pruner) => makeUpkeep({ engine, observe, backend, recovered, resolved }, pruner),
    onFailed: resolved.onFailed,
  });
  hooks.onRuntime?.(runtime);
  journal.commits.subscribe((commit) => {
    try {
      state.apply(commit);
    } catch (error) {
      runtime.fail(
        new PawlError(
          'INTERNAL',
          'A durable commit was refused by the state; reopen the directory.',
          {},
          error,
        ),
      );
    }
  });
  journal.commits.subscribe((commit) => {
    runtime.onCommit(commit);
  });
  observe.attach({ journal, projections: state });
  journal.markReady();
  await commitStart(engine, [epochStarted(journal), ...repairedEvents(journal)]);
  const sweeps = await runSweeps(runtime);
  runtime.scheduler.load();
  const report = startReport(journal, recovered, sweeps);
  runtime.start(report);
  observe.actorSystem.sendOrchestrator({ type: 'live' });
  // Later pauses are told by the facts; this one was durable before anybody watched.
  if (state.engine.paused) observe.actorSystem.sendOrchestrator({ type: 'pause' });
  return new Orchestrator(runtime);
}

function epochStarted(journal: Journal): PawlEvent {
  return {
    type: 'EpochStarted',
    sequence: 0,
    at: 0,
    epoch: journal.epoch,
    instance: journal.instance,
    version: VERSION,
  };
}

function repairedEvents(journal: Journal): PawlEvent[] {
  const { repaired } = journal;
  if (repaired === undefined) return [];
  const { segment, offset, bytes, quarantine } = repaired;
  return [{ type: 'JournalRepaired', sequence: 0, at: 0, segment, offset, bytes, quarantine }];
}

function commitStart(engine: EngineParts, events: readonly PawlEvent[]): Promise<void> {
  engine.context.refresh();
  return new Promise((resolve, reject) => {
    const done = (error: PawlError | undefined): void => {
      if (error === undefined) resolve();
      else reject(error);
    };
    commitHeld(engine, [], events, done, { insists: true });
  });
}

/** Sweeps, in order; each is the reaction that runs live, over everything. */
async function runSweeps(runtime: EngineRuntime): Promise<SweepReport[]> {
  const { parts, scheduler } = runtime;
  const sweep: SweepContext = {
    state: parts.state,
    limits: parts.limits,
    logger: withFields(parts.logger, { component: 'sweep' }),
    refresh: () => parts.context.refresh(),
    commit: (events) => commitStart(parts, events),
  };
  const reports: SweepReport[] = [];
  const timed = async (name: string, run: () => Promise<number>): Promise<void> => {
    const startedMs = parts.clock.monotonicMs();
    const settled = await run();
    reports.push({ name, settled, durationMs: parts.clock.monotonicMs() - startedMs });
  };
  await timed('deadEpoch', () => sweepDeadEpoch(sweep));
  await timed('continuedRuns', async () => {
    const { started } = await sweepContinuedRuns(continuedRunsOf(sweep, parts.owner));
    return started;
  });
  await timed('reactions', async () => {
    for (const task of tasksToReactOn(parts.state)) scheduler.reactor.mark(task);
    return await scheduler.settleReactions();
  });
  await timed('dueTimers', () => scheduler.settleDueRuns());
  return reports;
}

function startReport(journal: Journal, recovered: Recovered, sweeps: readonly SweepReport[]): StartReport {
  const { observations } = recovered;
  return Object.freeze({
    epoch: journal.epoch,
    instance: journal.instance,
    recoveryDurationSeconds: observations.recoveryDurationSeconds,
    eventsAppliedTotal: observations.eventsAppliedTotal,
    snapshotEventsApplied: observations.snapshotEventsApplied,
    walReplayEventsApplied: observations.walReplayEventsApplied,
    snapshotLoaded: recovered.snapshotLoaded,
    snapshotSequence: recovered.snapshotSequence,
    snapshotsRejected: recovered.snapshotsRejected,
    ...(journal.repaired === undefined ? {} : { repaired: journal.repaired }),
    ...(journal.checked === undefined ? {} : { checked: Object.freeze(journal.checked) }),
    sweeps: Object.freeze(sweeps),
    stepsMs: recovered.stepsMs,
  });
}
