// Plays a history: does its operations one after the other while everything else goes on, checks every answer
// against the reference, and at the end lets everything come to rest and judges what is left.
import { TerminalError } from '../../src/errors.js';
import { defineTask, type AnyTaskDefinition } from '../../src/execution/define-task.js';
import type { HandlerContext } from '../../src/execution/handler-context.js';
import type { IdleReport } from '../../src/scheduling/idle.js';
import type { StorageOperation } from '../../src/testing/fault-plan.js';
import { Calls } from './calls.js';
import { Life, type Figures, type PlayOptions } from './life.js';
import { isFinal } from './model-records.js';
import type { Act, History, Operation } from './operations.js';
import { demand } from './violation.js';

/** Time that passes between two looks whether everything has come to its end, and how often it is looked. */
const TAIL_MS = 3_000;
const TAILS = 60;
/** Reasons at rest that only somebody from outside can end. */
const LASTING: ReadonlySet<string> = new Set(['suspended', 'key held by', 'overlap']);
/** How often the state at rest is compared by its hash, and started once more to see that no sweep finds anything. */
const HASH_AT_REST = 0.3;
const SWEEPS = 0.4;
/** Events below which a history does not count. */
const MIN_EVENTS = 20;

/** What a history came to. */
export interface Played {
  readonly seed: number;
  /** True when it dispatched a handler, crashed, recovered and is long enough. */
  readonly counts: boolean;
  readonly violation: Error | undefined;
  readonly figures: Figures;
  readonly eventTypes: readonly string[];
  readonly edges: ReadonlySet<string>;
  readonly faults: ReadonlyMap<string, number>;
  readonly refusals: ReadonlyMap<string, number>;
  readonly indeterminate: number;
  /** Commits of the pruning policy, and how often retention was seen to have shortened the log. */
  readonly policyPrunes: number;
  readonly letGo: number;
  /** Operations of the disk, in order. */
  readonly operations: readonly StorageOperation[];
  /** Every event, and every step: equal for equal histories. */
  readonly trace: () => string;
}

/** Plays a history from its first operation to its end. */
export async function play(history: History, options: PlayOptions = {}): Promise<Played> {
  const player = new Player(history, options);
  const { stackTraceLimit } = Error;
  // The error of an attempt carries its stack into the log, and a stack depends on where the test runs.
  Error.stackTraceLimit = 0;
  try {
    await player.run();
    return player.played(undefined);
  } catch (error) {
    return player.played(error instanceof Error ? error : new Error(String(error)));
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

class Player {
  readonly life: Life;
  readonly calls: Calls;
  readonly #begun = new Map<string, number>();

  constructor(
    readonly history: History,
    options: PlayOptions,
  ) {
    this.life = new Life(history, () => [this.#acting()], options);
    this.calls = new Calls(this.life);
    this.life.witness.onTask = (taskId) => {
      this.calls.created(taskId);
    };
    this.life.onEnd = () => {
      this.calls.forget();
    };
  }

  async run(): Promise<void> {
    const { life } = this;
    await life.open(this.history.first);
    for (const operation of this.history.operations) {
      await this.#do(operation);
      await life.go(operation.go);
    }
    await this.#rest();
  }

  played(violation: Error | undefined): Played {
    const { life, history, calls } = this;
    const { figures, model } = life;
    return {
      seed: history.seed,
      counts:
        figures.dispatched > 0 &&
        figures.crashes > 0 &&
        figures.recovered > 0 &&
        model.sequence >= MIN_EVENTS,
      violation,
      figures,
      eventTypes: model.events.map((event) => event.type),
      edges: model.seenEdges,
      faults: life.faults.met,
      refusals: calls.refusals,
      indeterminate: life.witness.indeterminate,
      policyPrunes: model.policyPrunes,
      letGo: life.witness.letGo,
      operations: life.faults.done,
      trace: () => JSON.stringify([model.events, life.world.steps, life.storage.operations, figures]),
    };
  }

  async #do(operation: Operation): Promise<void> {
    const { life, calls } = this;
    switch (operation.kind) {
      case 'elapse':
        for (let leftMs = operation.ms, turns = 0; leftMs > 0 && turns < 50; turns++) {
          leftMs -= life.world.elapse(leftMs);
          await life.go(life.world.random.below(12));
        }
        return;
      case 'jump':
        life.world.jump(operation.ms);
        return;
      case 'fail':
        life.faults.fail(operation);
        return;
      case 'fullDisk':
        life.faults.fill(operation.operations);
        return;
      case 'crash':
        await life.crash(operation);
        return;
      case 'crashAt':
        life.fate = operation;
        life.faults.halt(operation.halt);
        return;
      case 'close':
        await this.#closeAndOpen(operation);
        return;
      case 'secondOpen':
        await calls.secondOpen();
        return;
      default:
        calls.make(operation);
    }
  }

  async #closeAndOpen({ drainMs, ending }: Extract<Operation, { readonly kind: 'close' }>): Promise<void> {
    const { life } = this;
    const { number } = life;
    await life.close(drainMs);
    // It died on the way, and another one lives already.
    if (number !== life.number) return;
    life.end(ending ?? 'kill');
    await life.open();
  }

  /** Lets everything come to its end with a disk that works, then judges. */
  async #rest(): Promise<void> {
    const { life, calls } = this;
    // What was to stop the process, and came too late for that.
    if (life.figures.crashes === 0) await life.crash(life.fate);
    life.faults.clear();
    await life.go(-1);
    if (life.model.paused) calls.make({ kind: 'pause', go: -1 });
    life.pawl.acceptClock();
    let idle = await this.#pass();
    for (let tail = 0; tail < TAILS && !idle.reasons.every(({ reason }) => LASTING.has(reason)); tail++)
      idle = await this.#pass();
    calls.judgeReasons(idle);
    calls.judgeAccounts();
    calls.compareProjections();
    calls.judgeStreams();
    life.witness.judgeBegin();
    if (life.world.random.chance(HASH_AT_REST)) life.witness.compareHash(life.runtime, 'at rest');
    if (life.world.random.chance(SWEEPS)) await this.#sweepNothing();
  }

  /** Lets some time pass, until nothing happens by itself. */
  async #pass(): Promise<IdleReport> {
    const { life } = this;
    await life.pass(TAIL_MS);
    const idle = await life.until(life.pawl.idle(), 'idle');
    demand(idle.kind === 'value', 'every reaction', () => `idle failed: ${JSON.stringify(idle)}`);
    return idle.value;
  }

  /** A start on what is at rest writes its epoch and nothing else. */
  async #sweepNothing(): Promise<void> {
    const { life, calls } = this;
    const cleanly = await life.close(0);
    demand(cleanly, 'every reaction', () => 'an engine at rest did not close');
    const { sequence } = life.model;
    life.end(life.world.random.chance(0.5) ? 'power' : 'kill');
    await life.open();
    await life.go(-1);
    const found = life.pawl.report.sweeps.filter(({ settled }) => settled > 0).map(({ name }) => name);
    demand(
      found.length === 0 && life.model.sequence === sequence + 1,
      'every reaction',
      () =>
        `at rest the sweeps ${found.join(', ')} found something, and ${String(life.model.sequence - sequence)} events followed`,
    );
    calls.compareProjections();
  }

  #acting(): AnyTaskDefinition {
    return defineTask('act', (context: HandlerContext, input: { acts: Act[] }) =>
      this.#act(context, input.acts),
    );
  }

  #act(context: HandlerContext, acts: readonly Act[]): Promise<unknown> {
    const { life } = this;
    const run = life.model.runs.get(context.runId);
    if (run?.open !== context.attemptId || isFinal(run.state)) {
      life.report(
        new Error(
          `durable before visible: a handler of ${context.runId} started, its run is ${String(run?.state)}`,
        ),
      );
    }
    life.figures.dispatched++;
    const attempt = this.#begun.get(context.runId) ?? 0;
    this.#begun.set(context.runId, attempt + 1);
    return this.#perform(acts[Math.min(attempt, acts.length - 1)] ?? 'succeed', context);
  }

  async #perform(act: Act, context: HandlerContext): Promise<unknown> {
    const { world } = this.life;
    switch (act) {
      case 'succeed':
        return 'done';
      case 'later':
        await world.turn();
        await world.turn();
        return { later: true };
      case 'fail':
        throw new Error('no');
      case 'fail for good':
        throw new TerminalError('never');
      case 'suspend':
        return context.suspend('until resumed');
      case 'sleep':
        await world.sleep(50 + world.random.below(500));
        return 'slept';
      case 'report':
        context.progress({ half: true });
        await context.consume('token', 3);
        context.progress('all');
        return undefined;
      case 'bytes':
        return new Uint8Array(700 + world.random.below(900));
      case 'hang':
        await aborted(context.signal);
        throw new Error('aborted');
      case 'stubborn':
        await aborted(context.signal);
        await world.sleep(world.random.below(500));
        return 'too late, or not';
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}
