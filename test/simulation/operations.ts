// What happens in a history, drawn from its seed: what callers ask for, how handlers act, what the disk, the clock
// and the power do. A history is data, so that one that fails can be made smaller and kept.
import type { PrunePolicy } from '../../src/decisions/prune.js';
import type { ConstraintsInput, PolicyInput } from '../../src/domain/submission.js';
import type { RetentionPolicy } from '../../src/journal/retention.js';
import { Random } from '../support/random.js';

/** What an attempt does. */
export type Act =
  | 'succeed'
  | 'later'
  | 'fail'
  | 'fail for good'
  | 'suspend'
  | 'sleep'
  | 'report'
  | 'bytes'
  | 'hang'
  | 'stubborn';

/** A submission. Times are relative to it. */
export interface SimulatedTask {
  readonly policy: PolicyInput;
  readonly startInMs: number | undefined;
  readonly constraints: ConstraintsInput;
  readonly priority: number;
  /** Place of the parent among the tasks before, if that is one. */
  readonly parent: number | undefined;
  /** What the n-th attempt of a run does; the last one again and again. */
  readonly acts: readonly Act[];
  readonly commandId: boolean;
  /** Bytes of filling in the input. */
  readonly fill: number;
}

/** When a storage operation is the last one: the how-manieth from now on, and how much of it is done. */
export interface Halt {
  readonly after: number;
  readonly when: 'before' | 'torn' | 'after';
  /** Share of a torn write that is done. */
  readonly share: number;
}

/** How a process ends: with the power, or alone, the cache staying. */
export type Ending = 'power' | 'kill';

/** Calls about a run that need nothing else. */
export type RunCall = 'cancelRun' | 'suspendRun' | 'resumeRun' | 'retryRun' | 'result' | 'watch';

/** One thing that happens. `pick` chooses among what there is then. */
export type Operation = { readonly go: number } & (
  | { readonly kind: 'submit'; readonly task: SimulatedTask }
  | { readonly kind: 'submitMany'; readonly tasks: readonly SimulatedTask[]; readonly atomic: boolean }
  | { readonly kind: 'submitAgain'; readonly pick: number; readonly changed: boolean }
  | { readonly kind: 'repeatCommand'; readonly pick: number }
  | { readonly kind: 'cancelTask'; readonly pick: number }
  | { readonly kind: RunCall; readonly pick: number }
  | { readonly kind: 'setRunPriority'; readonly pick: number; readonly priority: number }
  | { readonly kind: 'pause' | 'snapshot' }
  | { readonly kind: 'secondOpen' }
  | { readonly kind: 'prune'; readonly keepNewest: number }
  | { readonly kind: 'events'; readonly from: number }
  | { readonly kind: 'elapse'; readonly ms: number }
  | { readonly kind: 'jump'; readonly ms: number }
  | { readonly kind: 'close'; readonly drainMs: number; readonly ending: Ending | undefined }
  | { readonly kind: 'crash'; readonly ending: Ending; readonly recoveries: readonly Halt[] }
  | {
      readonly kind: 'crashAt';
      readonly halt: Halt;
      readonly ending: Ending;
      readonly recoveries: readonly Halt[];
    }
  | {
      readonly kind: 'fail';
      readonly operation:
        'write' | 'datasync' | 'rename' | 'syncDir' | 'open' | 'truncate' | 'unlink' | 'read';
      readonly errno: 'EIO' | 'ENOSPC';
      readonly nth: number;
      readonly share: number;
    }
  | { readonly kind: 'fullDisk'; readonly operations: number }
);

/** How the engine of a history is opened. */
export interface Settings {
  readonly concurrency: number;
  readonly segmentBytes: number;
  readonly snapshotEveryEvents: number;
  readonly repeatWindow: number;
  readonly reactionBatch: number;
  readonly maxQueuedCommands: number;
  readonly maxPendingRuns: number;
  /** The rest is as the product has it by default when a kept history does not say. */
  readonly retention?: RetentionPolicy;
  readonly prune?: PrunePolicy | undefined;
  readonly snapshotOnCloseEvents?: number | undefined;
}

/** A history: everything about it follows from this. */
export interface History {
  readonly seed: number;
  readonly settings: Settings;
  readonly operations: readonly Operation[];
  /** Where the first processes stop, counted from their start on. */
  readonly first?: readonly Halt[];
}

/** The history of a seed. */
export function historyOf(seed: number): History {
  const random = new Random(seed);
  const draw = new Draw(random);
  const settings: Settings = {
    concurrency: 1 + random.below(4),
    segmentBytes: random.pick([900, 1_600, 4_000, 67_108_864]) ?? 0,
    snapshotEveryEvents: random.pick([0, 0, 8, 15, 40]) ?? 0,
    repeatWindow: 2 + random.below(3),
    reactionBatch: 2 + random.below(6),
    maxQueuedCommands: random.chance(0.1) ? 10 : 10_000,
    maxPendingRuns: random.chance(0.1) ? 6 : 10_000_000,
    retention: random.pick(['keep', 'archive', 'delete'] as const) ?? 'keep',
    prune: random.chance(0.25) ? draw.prunePolicy() : undefined,
    snapshotOnCloseEvents: random.chance(0.3) ? 1 + random.below(12) : undefined,
  };
  const operations: Operation[] = [draw.first(), draw.submit(), draw.submit()];
  const early = random.below(3);
  for (let made = 0; made < early; made++) operations.push(draw.any());
  operations.push(draw.ending());
  const late = 1 + random.below(4);
  for (let made = 0; made < late; made++) operations.push(draw.any());
  return { seed, settings, operations };
}

/** Calls, each as often as it is drawn. */
const COMMANDS = [
  'pause',
  'pause',
  'submitAgain',
  'repeatCommand',
  'snapshot',
  'snapshot',
  'secondOpen',
  'prune',
  'prune',
  'setRunPriority',
  'events',
  'jump',
  'cancelTask',
  'cancelTask',
  'cancelRun',
  'cancelRun',
  'suspendRun',
  'resumeRun',
  'resumeRun',
  'retryRun',
  'result',
  'watch',
] as const;

class Draw {
  constructor(private readonly random: Random) {}

  any(): Operation {
    const chance = this.random.unit();
    if (chance < 0.26) return this.submit();
    if (chance < 0.44) return { kind: 'elapse', ms: this.random.below(4_000), go: this.#go() };
    if (chance < 0.74) return this.#command();
    if (chance < 0.88) return this.#fault();
    return this.ending();
  }

  /** What leaves the state by itself; one of the bounds must be said. */
  prunePolicy(): PrunePolicy {
    const { random } = this;
    const keepNewest = random.below(6);
    const olderThanMs = random.chance(0.5) ? random.below(3_000) : undefined;
    return {
      keepNewest,
      everyMs: 200 + random.below(3_000),
      ...(olderThanMs === undefined ? {} : { olderThanMs }),
    };
  }

  /** What every history begins with: something that is executed. */
  first(): Operation {
    const task: SimulatedTask = {
      ...this.#task(),
      policy: { kind: 'once' },
      startInMs: undefined,
      parent: undefined,
    };
    return { kind: 'submit', task: { ...task, acts: ['later', ...task.acts] }, go: this.#go() };
  }

  submit(): Operation {
    const { random } = this;
    const go = this.#go();
    if (random.chance(0.12)) {
      const tasks = Array.from({ length: 1 + random.below(3) }, () => this.#task());
      return { kind: 'submitMany', tasks, atomic: random.chance(0.5), go };
    }
    return { kind: 'submit', task: this.#task(), go };
  }

  ending(): Operation {
    const { random } = this;
    const go = this.#go();
    const ending: Ending = random.chance(0.65) ? 'power' : 'kill';
    const chance = random.unit();
    if (chance < 0.15) {
      const drainMs = random.chance(0.7) ? 0 : 500;
      return { kind: 'close', drainMs, ending: random.chance(0.6) ? ending : undefined, go };
    }
    const recoveries: Halt[] = [];
    while (recoveries.length < 3 && random.chance(0.3)) recoveries.push(this.#halt(45));
    if (chance < 0.35) return { kind: 'crash', ending, recoveries, go };
    return { kind: 'crashAt', halt: this.#halt(25), ending, recoveries, go: -1 };
  }

  #command(): Operation {
    const { random } = this;
    const go = this.#go();
    const pick = random.below(1_000);
    const kind = random.pick(COMMANDS) ?? 'pause';
    switch (kind) {
      case 'submitAgain':
        return { kind, pick, changed: random.chance(0.3), go };
      case 'prune':
        return { kind, keepNewest: random.below(3), go };
      case 'setRunPriority':
        return { kind, pick, priority: random.below(7) - 3, go };
      case 'events':
        return { kind, from: random.unit(), go };
      case 'jump':
        return { kind, ms: this.#jump(), go };
      case 'pause':
      case 'snapshot':
      case 'secondOpen':
        return { kind, go };
      default:
        return { kind, pick, go };
    }
  }

  #fault(): Operation {
    const { random } = this;
    const go = this.#go();
    if (random.chance(0.25)) return { kind: 'fullDisk', operations: 1 + random.below(30), go };
    const operations = [
      'write',
      'write',
      'datasync',
      'datasync',
      'rename',
      'syncDir',
      'open',
      'truncate',
      'unlink',
      'read',
    ] as const;
    return {
      kind: 'fail',
      operation: random.pick(operations) ?? 'write',
      errno: random.chance(0.6) ? 'EIO' : 'ENOSPC',
      nth: 1 + random.below(3),
      share: random.unit(),
      go,
    };
  }

  #halt(within: number): Halt {
    const { random } = this;
    const when = random.pick(['before', 'torn', 'after'] as const) ?? 'before';
    return { after: random.below(within), when, share: random.unit() };
  }

  /** Steps of the world before the next operation; −1: until nothing waits. */
  #go(): number {
    return this.random.chance(0.45) ? -1 : this.random.below(30);
  }

  #jump(): number {
    const { random } = this;
    return random.pick([-3_600_000, -2_000, 1_500, 5_000, 400_000]) ?? 0;
  }

  #task(): SimulatedTask {
    const { random } = this;
    const acts = Array.from({ length: 1 + random.below(3) }, () => this.#act());
    const hangs = acts.some((act) => act === 'hang' || act === 'stubborn');
    return {
      policy: random.chance(0.8) ? { kind: 'once' } : this.#repeat(),
      startInMs: random.chance(0.6) ? undefined : random.below(4_000) - 2_000,
      constraints: this.#constraints(hangs),
      priority: random.below(5) - 2,
      parent: random.chance(0.25) ? random.below(10) : undefined,
      acts,
      commandId: random.chance(0.3),
      fill: random.chance(0.1) ? random.below(1_500) : 0,
    };
  }

  #act(): Act {
    const acts = [
      'succeed',
      'succeed',
      'later',
      'later',
      'fail',
      'fail for good',
      'suspend',
      'sleep',
      'report',
      'bytes',
      'hang',
      'stubborn',
    ] as const;
    return this.random.pick(acts) ?? 'succeed';
  }

  #repeat(): PolicyInput {
    const { random } = this;
    const misfires = [
      { kind: 'catchUp' },
      { kind: 'catchUp', cap: 1 },
      { kind: 'skip' },
      { kind: 'coalesce' },
    ] as const;
    return {
      kind: 'repeat',
      count: 1 + random.below(4),
      intervalMs: 1 + random.below(1_500),
      misfire: random.pick(misfires) ?? { kind: 'catchUp' },
      overlap: random.pick(['allow', 'allow', 'skip', 'bufferOne'] as const) ?? 'allow',
    };
  }

  #constraints(hangs: boolean): ConstraintsInput {
    const { random } = this;
    return {
      maxAttempts: 1 + random.below(3),
      ...(random.chance(0.3) ? { maxLostAttempts: 1 + random.below(3) } : {}),
      ...(hangs || random.chance(0.1) ? { timeoutMs: 100 + random.below(600) } : {}),
      ...(random.chance(0.1) ? { expireAfterMs: 1 + random.below(4_000) } : {}),
      backoff: { kind: 'fixed', delayMs: random.below(800), jitter: random.chance(0.5) ? 'full' : 'none' },
      ...(random.chance(0.3) ? { concurrencyKey: random.chance(0.7) ? 'a' : 'b' } : {}),
      ...(random.chance(0.3) ? { keyHold: 'releaseOnRetry' as const } : {}),
      ...(random.chance(0.1) ? { safety: 'transactional' as const } : {}),
    };
  }
}
