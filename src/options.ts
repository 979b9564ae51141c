// What an orchestrator is opened with: every option with its default, checked before anything is touched.
import type { Clock, IdSource, RandomSource } from './clock.js';
import { PawlError } from './errors.js';
import { checkPrunePolicy, type PrunePolicy } from './decisions/prune.js';
import {
  invalid,
  requireFields,
  requireInteger,
  requireList,
  requireText,
  requireWord,
  type Fields,
} from './domain/check.js';
import type { Limits } from './domain/limits.js';
import { resolveLimits } from './domain/resolve-limits.js';
import type { AnyTaskDefinition } from './execution/define-task.js';
import type { EngineSettings } from './execution/engine-parts.js';
import type { JournalBackend } from './journal/journal-backend.js';
import type { RepairPolicy } from './journal/repair-policy.js';
import type { RetentionPolicy } from './journal/retention.js';
import type { SnapshotPolicy } from './journal/snapshot-store.js';
import { silentLogger, type Logger } from './logger.js';
import type { InspectOption, LiveActorsOption } from './observe/actor-system.js';

/** Options of `openOrchestrator`. */
export interface OrchestratorOptions {
  /** Directory of the journal and the snapshots; created when its parent exists. */
  readonly dataDir: string;
  /** Task types this process executes. Default: none. */
  readonly tasks?: readonly AnyTaskDefinition[];
  /** Attempts in flight at a time, 1–100 000. Default 10. */
  readonly concurrency?: number;
  /** What to do about an incomplete last batch. Default `truncate-partial`: a kill leaves one, and it holds nothing acknowledged. */
  readonly repair?: RepairPolicy;
  /** Refuse with `DATA_DIR_MISSING` instead of creating the directory. Default false. */
  readonly expectExisting?: boolean;
  /** How long to wait for a predecessor to let go of the directory, milliseconds. Default 0. */
  readonly lockWaitMs?: number;
  /** Takes the lines of `docs/events.md`; pino fits. Default: silent. */
  readonly logger?: Logger;
  /** How long a handler may go on after its timeout, milliseconds. Default 5 000. */
  readonly timeoutGraceMs?: number;
  /** How long a suspect runs alone, milliseconds. Default 60 000. */
  readonly suspectMs?: number;
  /** What a handler consumed is durable at the latest after this, milliseconds. Default 1 000. */
  readonly consumeFlushMs?: number;
  /** Difference between wall and monotonic time that is recorded as a jump, milliseconds. Default 1 000. */
  readonly clockJumpMs?: number;
  /** Forward jump after which promotion, expiry and misfire hold still, milliseconds. Default 300 000. */
  readonly clockJumpHoldMs?: number;
  /** A snapshot is taken after this many events. Default 1 000 000; 0: only by `snapshot()`, unless the next two say more. */
  readonly snapshotEveryEvents?: number;
  /** And after so many bytes of log. Default 268 435 456; 0: never, which is the default when `snapshotEveryEvents` is 0. */
  readonly snapshotEveryBytes?: number;
  /** And by `close()`, when there were so many events since the last one. Default 10 000; 0: never, as above. */
  readonly snapshotOnCloseEvents?: number;
  /** What becomes of segments that the two newest snapshots cover: kept, moved to `archive/`, deleted. Default `keep`. */
  readonly retention?: RetentionPolicy;
  /** Which ended runs and tasks leave the state by themselves. Default: none. */
  readonly prune?: PrunePolicy;
  /** Limits by name; see `DEFAULT_LIMITS`. */
  readonly limits?: Partial<Limits>;
  /** Which runs are live xstate actors: those that were asked for, or all that have not ended. Default `observed`. */
  readonly liveActors?: LiveActorsOption;
  /** Gets xstate's inspection events of orchestrator, journal and live runs. */
  readonly inspect?: InspectOption;
  /** Called once when the journal can write no more. */
  readonly onFailed?: (error: PawlError) => void;
  /** Time. Default: the machine's. */
  readonly clock?: Clock;
  /** Ids. Default: UUIDv7 over the clock. */
  readonly ids?: IdSource;
  /** Chance. Default: the machine's. */
  readonly random?: RandomSource;
  /** Where the journal is kept. Default: files under `dataDir`. */
  readonly backend?: JournalBackend;
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly dataDir: string;
  readonly handlers: ReadonlyMap<string, AnyTaskDefinition>;
  readonly repair: RepairPolicy;
  readonly expectExisting: boolean;
  readonly lockWaitMs: number;
  readonly logger: Logger;
  readonly settings: EngineSettings;
  readonly snapshots: SnapshotPolicy;
  readonly retention: RetentionPolicy;
  readonly prune: Required<PrunePolicy> | undefined;
  readonly limits: Limits;
  readonly liveActors: LiveActorsOption;
  readonly inspect: InspectOption | undefined;
  readonly onFailed: ((error: PawlError) => void) | undefined;
}

const FIELDS = [
  'dataDir',
  'tasks',
  'concurrency',
  'repair',
  'expectExisting',
  'lockWaitMs',
  'logger',
  'timeoutGraceMs',
  'suspectMs',
  'consumeFlushMs',
  'clockJumpMs',
  'clockJumpHoldMs',
  'snapshotEveryEvents',
  'snapshotEveryBytes',
  'snapshotOnCloseEvents',
  'retention',
  'prune',
  'limits',
  'liveActors',
  'inspect',
  'onFailed',
  'clock',
  'ids',
  'random',
  'backend',
] as const;
const DEFAULT_LEASE_MS = 30_000;
const MAX_PATH_CHARS = 4_096;
const MAX_TASKS = 10_000;
/** What an object among the options must be able to do. */
const ABILITIES = {
  logger: ['debug', 'info', 'warn', 'error'],
  clock: ['now', 'monotonicMs', 'setTimer', 'yieldTurn'],
  ids: ['nextId'],
  random: ['nextUnit', 'nextU32'],
  backend: ['open', 'append', 'read', 'close'],
} as const;

/** Checks options and fills in defaults. Errors: `INVALID_INPUT`, `DUPLICATE_TASK_TYPE`. */
export function resolveOptions(options: OrchestratorOptions): ResolvedOptions {
  requireKinds(requireFields(options, 'options', FIELDS));
  const integer = (
    name: 'concurrency' | 'lockWaitMs' | SnapshotName | DurationName,
    fallback: number,
    min: number,
  ): number => {
    const value = options[name];
    return value === undefined ? fallback : requireInteger(value, `options.${name}`, { min });
  };
  const concurrency = integer('concurrency', 10, 1);
  if (concurrency > 100_000)
    throw invalid('options.concurrency', 'pass an integer from 1 to 100000', concurrency);
  return {
    dataDir: requireText(options.dataDir, 'options.dataDir', MAX_PATH_CHARS),
    handlers: handlersOf(requireList(options.tasks ?? [], 'options.tasks', MAX_TASKS)),
    repair:
      options.repair === undefined
        ? 'truncate-partial'
        : requireWord(options.repair, 'options.repair', ['strict', 'truncate-partial'] as const),
    expectExisting: options.expectExisting ?? false,
    lockWaitMs: integer('lockWaitMs', 0, 0),
    logger: options.logger ?? silentLogger,
    settings: {
      concurrency,
      timeoutGraceMs: integer('timeoutGraceMs', 5_000, 0),
      suspectMs: integer('suspectMs', 60_000, 0),
      consumeFlushMs: integer('consumeFlushMs', 1_000, 1),
      clockJumpMs: integer('clockJumpMs', 1_000, 1),
      clockJumpHoldMs: integer('clockJumpHoldMs', 300_000, 1),
      leaseMs: DEFAULT_LEASE_MS,
    },
    snapshots: snapshotPolicy(integer),
    retention:
      options.retention === undefined
        ? 'keep'
        : requireWord(options.retention, 'options.retention', ['keep', 'archive', 'delete'] as const),
    prune: options.prune === undefined ? undefined : checkPrunePolicy(options.prune),
    limits: resolveLimits(options.limits, 'options.limits'),
    liveActors:
      options.liveActors === undefined
        ? 'observed'
        : requireWord(options.liveActors, 'options.liveActors', ['observed', 'all'] as const),
    inspect: options.inspect,
    onFailed: options.onFailed,
  };
}

type SnapshotName = 'snapshotEveryEvents' | 'snapshotEveryBytes' | 'snapshotOnCloseEvents';

/** Who switches off the rule by events wants none by the others either, unless it is said. */
function snapshotPolicy(
  integer: (name: SnapshotName, fallback: number, min: number) => number,
): SnapshotPolicy {
  const everyEvents = integer('snapshotEveryEvents', 1_000_000, 0);
  const unlessOff = (value: number): number => (everyEvents === 0 ? 0 : value);
  return {
    everyEvents,
    everyBytes: integer('snapshotEveryBytes', unlessOff(268_435_456), 0),
    onCloseEvents: integer('snapshotOnCloseEvents', unlessOff(10_000), 0),
  };
}

type DurationName = 'timeoutGraceMs' | 'suspectMs' | 'consumeFlushMs' | 'clockJumpMs' | 'clockJumpHoldMs';

function isObserver(value: unknown): boolean {
  return typeof value === 'function' || (isObject(value) && typeof value['next'] === 'function');
}

/** An observer with the question which runs it wants. */
function isChoosing(value: unknown): boolean {
  if (!isObject(value) || !isObserver(value['observer'])) return false;
  return value['runs'] === undefined || typeof value['runs'] === 'function';
}

/** Refuses what TypeScript would refuse, for callers without it. */
function requireKinds(options: Fields): void {
  const { expectExisting, onFailed, inspect } = options;
  if (expectExisting !== undefined && typeof expectExisting !== 'boolean')
    throw invalid('options.expectExisting', 'pass true or false', expectExisting);
  if (onFailed !== undefined && typeof onFailed !== 'function')
    throw invalid('options.onFailed', 'pass a function', onFailed);
  if (inspect !== undefined && !isObserver(inspect) && !isChoosing(inspect))
    throw invalid('options.inspect', 'pass an observer, or { observer, runs }', inspect);
  for (const name of ['logger', 'clock', 'ids', 'random', 'backend'] as const) {
    const given = options[name];
    if (given === undefined) continue;
    for (const ability of ABILITIES[name]) {
      if (isObject(given) && typeof given[ability] === 'function') continue;
      throw invalid(
        `options.${name}`,
        `pass an object with the functions ${ABILITIES[name].join(', ')}`,
        given,
      );
    }
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function handlersOf(tasks: readonly unknown[]): ReadonlyMap<string, AnyTaskDefinition> {
  const handlers = new Map<string, AnyTaskDefinition>();
  for (const [index, given] of tasks.entries()) {
    const path = `options.tasks[${String(index)}]`;
    requireFields(given, path, ['type', 'handler']);
    const task = given as AnyTaskDefinition;
    const type = requireText(task.type, `${path}.type`, 128);
    if (typeof task.handler !== 'function') throw invalid(`${path}.handler`, 'pass a function', task.handler);
    if (handlers.has(type)) {
      throw new PawlError(
        'DUPLICATE_TASK_TYPE',
        `Two task definitions have the type ${type}; give each its own.`,
        { type },
      );
    }
    handlers.set(type, task);
  }
  return handlers;
}
