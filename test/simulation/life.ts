// One directory and the processes that open it one after the other: starting, going on, dying, starting again. Every
// start must succeed, every wait must end, whatever the disk did, as long as the faults are over.
import { isPawlError, type ErrorCode, PawlError } from '../../src/errors.js';
import type { EngineRuntime } from '../../src/engine-runtime.js';
import type { AnyTaskDefinition } from '../../src/execution/define-task.js';
import { uuidV7 } from '../../src/host-clock.js';
import { openWith } from '../../src/open-orchestrator.js';
import type { Orchestrator } from '../../src/orchestrator.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { Random } from '../support/random.js';
import { DurableLog } from './durable-log.js';
import { Faults } from './faults.js';
import { Model } from './model.js';
import type { Ending, Halt, History } from './operations.js';
import { demand, Violation } from './violation.js';
import { Witness, WitnessedBackend, type BackendMaker } from './witness.js';
import { World } from './world.js';

/** The directory of every history. */
export const ROOT = '/data';
/** Steps after which something that should come to rest does not. */
const MAX_STEPS = 20_000;
/** Starts that may fail in a row while faults are met. */
const MAX_STARTS = 12;
/** Time that may pass while something is waited for. */
const MAX_WAIT_MS = 600_000;

/** How often things happened. */
export interface Figures {
  opened: number;
  recovered: number;
  crashes: number;
  crashesInRecovery: number;
  deepest: number;
  dispatched: number;
  repaired: number;
  snapshotsLoaded: number;
  poisoned: number;
  stoppedByDamage: number;
}

/** What a promise came to. */
export type Came<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'error'; readonly error: unknown }
  /** The process ended before. */
  | { readonly kind: 'gone' };

/** How to end a process when its storage stops, and what befalls the next starts. */
export interface Fate {
  readonly ending: Ending;
  readonly recoveries: readonly Halt[];
}

const POWER_CUT: Fate = { ending: 'power', recoveries: [] };

/** Codes that say that something is wrong with the log or the engine. Never legal, but for what a failed read causes. */
const NEVER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INTERNAL',
  'REPLAY_REFUSED',
  'ACKNOWLEDGED_DATA_MISSING',
  'SEGMENT_MISSING',
  'SEQUENCE_VIOLATION',
  'UNSUPPORTED_FORMAT',
  'SNAPSHOT_AHEAD',
  'TORN_TAIL',
  'DATA_DIR_FOREIGN',
  'DATA_DIR_MISSING',
]);
/** Codes that only a fault may cause. */
const FAULTY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'JOURNAL_CORRUPT',
  'JOURNAL_POISONED',
  'STORAGE_FAILED',
  'STORAGE_FULL',
  'SNAPSHOT_CORRUPT',
  'READ_ONLY_STORAGE',
]);

/** What of a history may be replaced, to show that the simulator finds what is wrong. */
export interface PlayOptions {
  readonly storage?: (turn: () => Promise<void>) => FaultyStorage;
  readonly backend?: BackendMaker;
}

/** Processes on one simulated disk. */
export class Life {
  readonly world: World;
  readonly storage: FaultyStorage;
  readonly faults: Faults;
  readonly model: Model;
  readonly witness: Witness;
  readonly figures: Figures = {
    opened: 0,
    recovered: 0,
    crashes: 0,
    crashesInRecovery: 0,
    deepest: 0,
    dispatched: 0,
    repaired: 0,
    snapshotsLoaded: 0,
    poisoned: 0,
    stoppedByDamage: 0,
  };
  /** Told when a process has ended. */
  onEnd: () => void = () => undefined;
  /** What happens when the storage stops. */
  fate: Fate = POWER_CUT;
  /** Number of the process. */
  number = 0;
  #pawl: Orchestrator | undefined;
  #runtime: EngineRuntime | undefined;
  #violation: unknown;

  constructor(
    readonly history: History,
    readonly tasks: () => readonly AnyTaskDefinition[],
    readonly replaced: PlayOptions = {},
  ) {
    this.world = new World(history.seed ^ 0x5bf0_3635);
    const turn = (): Promise<void> => this.world.turn();
    this.storage = replaced.storage?.(turn) ?? new FaultyStorage({ turn });
    this.faults = new Faults(this.storage);
    this.model = new Model(history.settings);
    const log = new DurableLog(this.storage, ROOT);
    const { retention = 'keep' } = history.settings;
    this.witness = new Witness(this.model, log, retention, new Random(history.seed + 17), (error) => {
      this.report(error);
    });
  }

  /** The orchestrator of the process that lives. */
  get pawl(): Orchestrator {
    if (this.#pawl === undefined) throw new Violation('order', 'no process lives');
    return this.#pawl;
  }

  get runtime(): EngineRuntime {
    if (this.#runtime === undefined) throw new Violation('order', 'no process lives');
    return this.#runtime;
  }

  /** Keeps the first thing that went wrong; the history stops at the next step. */
  report(error: unknown): void {
    this.#violation ??= error;
  }

  /** Throws what went wrong. */
  check(): void {
    if (this.#violation !== undefined) throw asError(this.#violation);
  }

  /** Judges a refusal that a caller got. */
  judge(error: unknown, what: string): void {
    if (!isPawlError(error)) {
      this.report(new Violation('typed refusals', `${what} was refused with ${String(error)}`));
    } else if (
      NEVER.has(error.code) ||
      (FAULTY.has(error.code) && this.faults.metInLife === 0) ||
      (error.code === 'HISTORY_GONE' && (this.history.settings.retention ?? 'keep') === 'keep')
    ) {
      this.report(
        new Violation('no silent loss', `${what} was refused with ${error.code}: ${error.message}`),
      );
    }
  }

  /** Starts a process; those that meet faults or stop are followed by others. */
  async open(recoveries: readonly Halt[] = []): Promise<void> {
    const left = [...recoveries];
    let depth = 0;
    for (let starts = 0; starts < MAX_STARTS; starts++) {
      if (starts > MAX_STARTS - 3) this.faults.clear();
      this.faults.arm();
      const halt = left.shift();
      if (halt !== undefined) this.faults.halt(halt);
      const came = await this.#start();
      if (came.kind === 'value') {
        this.#opened(came.value);
        // A start that was quicker than its end meets it in life.
        if (left.length > 0) this.fate = { ending: 'power', recoveries: left };
        return;
      }
      if (came.kind === 'gone') {
        depth++;
        this.figures.crashesInRecovery++;
        this.figures.deepest = Math.max(this.figures.deepest, depth);
        this.#die(this.fate.ending);
      } else {
        this.#judgeStart(came.error);
        this.#die(this.world.random.chance(0.5) ? 'power' : 'kill');
      }
    }
    throw new Violation('every reaction', `no start succeeded in ${String(MAX_STARTS)}`);
  }

  /** Lets so many things go on; −1: until nothing waits. A process that stops is followed by another. */
  async go(steps: number): Promise<void> {
    for (let left = steps, taken = 0; left !== 0; left--, taken++) {
      demand(taken < MAX_STEPS, 'nothing unbounded', () => 'it does not come to rest');
      const went = await this.world.step();
      this.check();
      if (this.storage.halted) await this.crash(this.fate);
      else if (this.#runtime?.stopped === true) await this.#failed();
      if (!went) return;
    }
  }

  /** Lets time pass, and all that follows. */
  async pass(ms: number): Promise<void> {
    await this.go(-1);
    for (let leftMs = ms, turns = 0; leftMs > 0; turns++) {
      demand(turns < MAX_STEPS, 'nothing unbounded', () => 'timers never end');
      leftMs -= this.world.elapse(leftMs);
      await this.go(-1);
    }
  }

  /** Ends the process as told, and starts the next one. */
  async crash({ ending, recoveries }: Fate): Promise<void> {
    this.figures.crashes++;
    this.#die(ending);
    this.fate = { ending, recoveries: [] };
    await this.open(recoveries);
    this.figures.recovered++;
  }

  /** Ends the process without starting another. */
  end(ending: Ending): void {
    this.#die(ending);
  }

  /** Waits for a promise of the process that lives; time passes when nothing else is left to do. */
  async until<T>(promise: PromiseLike<T>, what: string): Promise<Came<T>> {
    const { number } = this;
    let came: Came<T> | undefined;
    promise.then(
      (value) => (came = { kind: 'value', value }),
      (error: unknown) => (came = { kind: 'error', error }),
    );
    let waitedMs = 0;
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const went = await this.world.step();
      this.check();
      if (came !== undefined) return came;
      if (this.storage.halted) return { kind: 'gone' };
      if (number !== this.number) return { kind: 'gone' };
      if (went) continue;
      if (waitedMs > MAX_WAIT_MS) break;
      waitedMs += this.world.elapse(60_000);
    }
    throw new Violation('every reaction', `${what} never settles`);
  }

  /** Closes the process in good order, or as well as faults let it. True when it was closed without a refusal. */
  async close(drainMs: number): Promise<boolean> {
    const came = await this.until(this.pawl.close({ drainMs }), 'close');
    if (came.kind === 'gone') {
      await this.crash(this.fate);
      return false;
    }
    if (came.kind === 'error') this.judge(came.error, 'close');
    this.check();
    return came.kind === 'value';
  }

  async #start(): Promise<Came<Orchestrator>> {
    const { world, history, witness } = this;
    const storage = this.storage.asProcess();
    const { settings } = history;
    const { segmentBytes, repeatWindow, reactionBatch, maxQueuedCommands, maxPendingRuns } = settings;
    const { prune, snapshotOnCloseEvents } = settings;
    const clock = world.clock();
    const random = {
      nextUnit: () => world.random.unit(),
      nextU32: () => world.random.below(0x1_0000_0000),
    };
    const opening = openWith(
      {
        dataDir: ROOT,
        tasks: this.tasks(),
        concurrency: settings.concurrency,
        snapshotEveryEvents: settings.snapshotEveryEvents,
        retention: settings.retention ?? 'keep',
        ...(prune === undefined ? {} : { prune }),
        ...(snapshotOnCloseEvents === undefined ? {} : { snapshotOnCloseEvents }),
        suspectMs: 500,
        timeoutGraceMs: 300,
        limits: { segmentBytes, repeatWindow, reactionBatch, maxQueuedCommands, maxPendingRuns },
        clock,
        random,
        ids: uuidV7(clock, random),
        backend: witness.backend(this.replaced.backend ?? WitnessedBackend, storage, ROOT),
      },
      {
        onRuntime: (runtime) => {
          this.#runtime = runtime;
          try {
            witness.attach(runtime);
          } catch (error) {
            this.report(error);
          }
        },
      },
    );
    return await this.until(opening, 'the start');
  }

  #opened(pawl: Orchestrator): void {
    this.#pawl = pawl;
    const { figures } = this;
    figures.opened++;
    if (pawl.report.repaired !== undefined) figures.repaired++;
    if (pawl.report.snapshotLoaded) figures.snapshotsLoaded++;
  }

  #judgeStart(error: unknown): void {
    this.judge(error, 'the start');
    this.check();
    demand(this.faults.metInLife > 0, 'no silent loss', () => `a start was refused: ${String(error)}`);
  }

  /**
   * The journal can write no more, or the check behind the start could not read an older segment: callers are told, the
   * process ends, and a new one starts.
   */
  async #failed(): Promise<void> {
    if (this.runtime.parts.journal.poisonedBy === undefined) this.figures.stoppedByDamage++;
    else this.figures.poisoned++;
    demand(this.faults.metInLife > 0, 'no silent loss', () => 'the engine was stopped by nothing');
    const { random } = this.world;
    if (random.chance(0.5)) {
      const came = await this.until(this.pawl.close({ drainMs: 0 }), 'close of a stopped engine');
      if (came.kind === 'error') this.judge(came.error, 'close of a stopped engine');
      this.check();
    }
    await this.crash({ ending: random.chance(0.5) ? 'power' : 'kill', recoveries: [] });
  }

  #die(ending: Ending): void {
    this.world.endLife();
    this.number++;
    this.#pawl = undefined;
    this.#runtime = undefined;
    this.onEnd();
    if (ending === 'power') this.storage.crash(() => this.world.random.unit());
    else this.storage.forgetProcess();
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new PawlError('INTERNAL', String(thrown));
}
