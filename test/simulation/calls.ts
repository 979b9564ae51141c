// The callers of a history: what they ask for, what they are answered, and whether that fits the facts. A caller
// whose process ended before it was answered knows nothing; everybody else must have been told the truth.
import type { RunState } from '../../src/domain/run-state.js';
import type { SubmitOptions, Submission } from '../../src/domain/submission.js';
import { isPawlError, PawlError } from '../../src/errors.js';
import { openWith } from '../../src/open-orchestrator.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import type { Orchestrator } from '../../src/orchestrator.js';
import type { IdleReport } from '../../src/scheduling/idle.js';
import { Asking } from './asking.js';
import { ROOT, type Life } from './life.js';
import { isFinal, occurrencesOf, type ModelRun } from './model-records.js';
import type { Operation, RunCall, SimulatedTask } from './operations.js';
import { demand, known, Violation } from './violation.js';
import { canonical } from './witness.js';

/** Operations that are calls. */
export type Call = Exclude<
  Operation,
  { readonly kind: 'elapse' | 'jump' | 'fail' | 'fullDisk' | 'crash' | 'crashAt' | 'close' | 'secondOpen' }
>;

/** A submission that somebody made. */
interface Wanted {
  readonly task: SimulatedTask;
  readonly options: SubmitOptions;
  /** Calls without an answer. */
  asked: number;
  /** True once some call ended without anybody knowing how. */
  unknown: boolean;
}

/** A command that can be repeated by its `commandId`. */
interface Repeatable {
  readonly again: (pawl: Orchestrator) => Promise<unknown>;
  answer: string | undefined;
}

/** Runs that each command is about, when there are such. */
const CANDIDATES: Readonly<Partial<Record<Operation['kind'], readonly RunState[]>>> = {
  cancelRun: ['scheduled', 'ready', 'running', 'retryWait', 'suspended'],
  suspendRun: ['running'],
  resumeRun: ['suspended'],
  retryRun: ['failed', 'canceled'],
  setRunPriority: ['scheduled', 'ready'],
};

interface Stream {
  next: number;
  over: boolean;
  readonly life: number;
}

/** Makes calls and judges their answers. */
export class Calls {
  /** How often each code was answered. */
  readonly refusals = new Map<string, number>();
  readonly #wanted = new Map<string, Wanted>();
  readonly #repeatable: Repeatable[] = [];
  #streams: Stream[] = [];
  #commands = 0;

  constructor(readonly life: Life) {}

  /** Makes a call; its answer is judged when it comes. */
  make(call: Call): void {
    const { pawl, model } = this.life;
    switch (call.kind) {
      case 'submit':
        this.#submit(call.task);
        return;
      case 'submitMany':
        this.#submitMany(call.tasks, call.atomic);
        return;
      case 'submitAgain':
        this.#submitAgain(call);
        return;
      case 'repeatCommand':
        this.#repeat(call.pick);
        return;
      case 'pause':
        this.#command(model.paused ? 'resume' : 'pause', (to, options) =>
          model.paused ? to.resume(options) : to.pause(options),
        );
        return;
      case 'snapshot':
        this.#expect(pawl.snapshot(), 'snapshot');
        return;
      case 'prune':
        this.#expect(pawl.prune({ keepNewest: call.keepNewest }), 'prune');
        return;
      case 'events':
        this.#events(call.from);
        return;
      case 'cancelTask': {
        const open = [...model.tasks.values()].filter((task) => !model.isOver(task));
        const taskId = chosen(open, call.pick)?.spec.id ?? chosen([...model.tasks.keys()], call.pick);
        if (taskId !== undefined) this.#cancelTask(taskId);
        return;
      }
      default:
        this.#aboutRun(call);
    }
  }

  /** A second process on the directory is refused before it touches anything. */
  async secondOpen(): Promise<void> {
    const { life } = this;
    const asked: string[] = [];
    const backend = new FileBackend(new Asking(life.storage, asked), ROOT);
    const opening = openWith({ dataDir: ROOT, backend, clock: life.world.clock() }, {});
    const came = await life.until(opening, 'a second start');
    if (came.kind === 'gone') {
      await life.crash(life.fate);
      return;
    }
    if (life.faults.metInLife > 0) return;
    const code = came.kind === 'error' && isPawlError(came.error) ? came.error.code : 'nothing';
    demand(code === 'DATA_DIR_LOCKED', 'one writer', () => `a second start was answered with ${code}`);
    demand(
      asked.every((operation) => ['stat', 'readdir', 'lock'].includes(operation)),
      'one writer',
      () => `a second start did ${asked.join(', ')}`,
    );
  }

  /** Every run that has not ended has a reason, and at rest only such as wait for somebody. */
  judgeReasons({ pending, reasons }: IdleReport): void {
    const { model, world } = this.life;
    const open = [...model.runs.values()].filter((run) => !isFinal(run.state)).map((run) => run.id);
    const told = reasons.flatMap(({ runIds }) => runIds);
    demand(
      pending === open.length && canonical([...told].sort()) === canonical(open.sort()),
      'every reaction',
      () => `idle tells of ${told.join(', ')}, open are ${open.join(', ')}`,
    );
    for (const { reason, nextAt, runIds } of reasons) {
      const waits = reason === 'suspended' || reason === 'key held by' || reason === 'overlap';
      const later = nextAt !== undefined && nextAt > world.now;
      demand(waits || later, 'every reaction', () => `at rest ${runIds.join(', ')} are left: ${reason}`);
    }
  }

  /** Every occurrence of every task that goes on was made, or waits for one before it. */
  judgeAccounts(): void {
    const { model, history } = this.life;
    for (const task of model.tasks.values()) {
      if (model.isCanceled(task)) {
        for (const run of task.runs)
          demand(
            isFinal(run.state),
            'every reaction',
            () => `${run.id} is ${run.state} though its task is canceled`,
          );
        continue;
      }
      const open = [...task.runs].filter((run) => !isFinal(run.state)).length;
      const all = occurrencesOf(task.spec);
      demand(
        task.derived === all || open >= history.settings.repeatWindow || task.startAt === undefined,
        'exact accounting',
        () =>
          `${task.spec.id} made ${String(task.derived)} of ${String(all)} occurrences, ${String(open)} are open`,
      );
    }
  }

  /** The read models say of every run and task what the facts say. */
  compareProjections(): void {
    const { model, pawl } = this.life;
    const { runs, tasks, engine, sequence } = pawl.projections;
    const promise = 'replay equals life';
    demand(
      sequence === model.sequence && engine.paused === model.paused,
      promise,
      () => `the projections are at ${String(sequence)}, the facts at ${String(model.sequence)}`,
    );
    demand(
      runs.count === model.runs.size && tasks.count === model.tasks.size,
      promise,
      () =>
        `${String(runs.count)} runs and ${String(tasks.count)} tasks, ${String(model.runs.size)} and ${String(model.tasks.size)} in the facts`,
    );
    for (const run of model.runs.values()) {
      const shown = runs.get(run.id);
      const is = shown && [
        shown.state,
        shown.attemptCount,
        shown.failedAttempts,
        shown.lostAttempts,
        shown.priority,
        shown.currentAttemptId,
        shown.lease?.owner,
        shown.retriedBy,
        shown.scheduledAt,
      ];
      const told = [
        run.state,
        run.attempts.size,
        run.failed,
        run.lost,
        run.priority,
        run.open,
        run.lease?.owner,
        run.retriedBy,
        run.scheduledAt,
      ];
      demand(
        canonical(is) === canonical(told),
        promise,
        () => `${run.id} is ${canonical(is)}, told ${canonical(told)}`,
      );
    }
    for (const task of model.tasks.values()) {
      const shown = tasks.get(task.spec.id);
      demand(
        shown !== undefined && (shown.canceledAt !== undefined) === task.canceled,
        promise,
        () =>
          `task ${task.spec.id} is canceled at ${String(shown?.canceledAt)}, told ${String(task.canceled)}`,
      );
    }
  }

  /** Streams of the process that lives have every event. */
  judgeStreams(): void {
    const { model, number } = this.life;
    for (const { next, over, life } of this.#streams) {
      demand(
        over || life !== number || next === model.sequence + 1,
        'streams',
        () => `a stream is at ${String(next)}, the facts at ${String(model.sequence)}`,
      );
    }
  }

  #submit(task: SimulatedTask): void {
    const id = `t${String(this.#wanted.size)}`;
    const options = this.#optionsOf(id, task);
    const wanted: Wanted = { task, options, asked: 0, unknown: false };
    this.#wanted.set(id, wanted);
    this.#ask(id, wanted, (to) => to.submit('act', inputOf(task), options));
  }

  #optionsOf(id: string, task: SimulatedTask): SubmitOptions {
    const { model, world } = this.life;
    const parents = [...model.tasks.keys()];
    const parentId = task.parent === undefined ? undefined : chosen(parents, task.parent);
    const startAt = task.startInMs === undefined ? {} : { startAt: world.now + task.startInMs };
    return {
      id,
      policy: { ...task.policy, ...startAt },
      constraints: task.constraints,
      metadata: { priority: task.priority },
      ...(parentId === undefined ? {} : { parentId }),
      ...(task.commandId ? { commandId: `c${String(++this.#commands)}` } : {}),
    };
  }

  #ask(id: string, wanted: Wanted, call: (to: Orchestrator) => Promise<Submission>): void {
    wanted.asked++;
    const answered = call(this.life.pawl);
    if (wanted.options.commandId !== undefined) this.#keep(answered, call);
    this.#judge(answered, `submit ${id}`, (error) => {
      wanted.asked--;
      if (error === undefined) return;
      if (isIndeterminate(error)) wanted.unknown = true;
    });
    answered.then(
      (submission) => {
        this.#submitted(id, submission);
      },
      () => undefined,
    );
  }

  #submitted(id: string, { taskId, runIds, runCount, created }: Submission): void {
    const { model } = this.life;
    try {
      demand(
        taskId === id && model.knows(id),
        'durable before visible',
        () => `${id} was acknowledged and is no fact`,
      );
      demand(
        runIds.every((runId) => model.knows(runId)),
        'durable before visible',
        () => `${id} was acknowledged with runs that are no fact`,
      );
      demand(
        !created || runIds.length === runCount,
        'exact accounting',
        () => `${id} has ${String(runCount)} runs`,
      );
    } catch (error) {
      this.life.report(error);
    }
  }

  #submitMany(tasks: readonly SimulatedTask[], atomic: boolean): void {
    const { pawl } = this.life;
    const wanted = tasks.map((task) => {
      const id = `t${String(this.#wanted.size)}`;
      const { commandId: _commandId, ...options } = this.#optionsOf(id, task);
      const entry: Wanted = { task, options, asked: 1, unknown: false };
      this.#wanted.set(id, entry);
      return { id, entry };
    });
    const items = wanted.map(({ entry }) => ({
      task: 'act',
      input: inputOf(entry.task),
      options: entry.options,
    }));
    const answered = pawl.submitMany(items, { atomic });
    this.#judge(answered, 'submitMany', (error) => {
      for (const { entry } of wanted) {
        entry.asked--;
        if (error !== undefined && isIndeterminate(error)) entry.unknown = true;
      }
    });
    answered.then(
      (outcomes) => {
        for (const [index, outcome] of outcomes.entries()) {
          const one = wanted[index];
          if (one === undefined) continue;
          if (outcome.ok) this.#submitted(one.id, outcome.submission);
          else if (isIndeterminate(outcome.error)) one.entry.unknown = true;
          else this.life.judge(outcome.error, 'an item of submitMany');
        }
      },
      () => undefined,
    );
  }

  #submitAgain({ pick, changed }: Extract<Operation, { readonly kind: 'submitAgain' }>): void {
    const id = chosen([...this.#wanted.keys()], pick);
    const wanted = id === undefined ? undefined : this.#wanted.get(id);
    if (id === undefined || wanted === undefined) return;
    const input = inputOf(wanted.task);
    const { commandId: _commandId, ...options } = wanted.options;
    const before = this.life.model.tasks.has(id);
    wanted.asked++;
    const answered = this.life.pawl.submit('act', changed ? { ...input, other: true } : input, options);
    this.#judge(answered, `submit ${id} again`, (error) => {
      wanted.asked--;
      if (error !== undefined && isIndeterminate(error)) wanted.unknown = true;
    });
    answered.then(
      (submission) => {
        this.#submitted(id, submission);
        if (before && (submission.created || changed))
          this.life.report(new Violation('exact accounting', `${id} was made a second time`));
      },
      () => undefined,
    );
  }

  /** A fact says that a task was created: somebody must have asked for it, and not have been refused. */
  created(taskId: string): void {
    const wanted = known(this.#wanted.get(taskId), 'exact accounting', () => `nobody asked for ${taskId}`);
    demand(
      wanted.asked > 0 || wanted.unknown,
      'exact accounting',
      () => `${taskId} was refused and is there`,
    );
  }

  /** A process ended: whoever had no answer knows nothing. */
  forget(): void {
    for (const wanted of this.#wanted.values()) {
      if (wanted.asked > 0) wanted.unknown = true;
      wanted.asked = 0;
    }
  }

  #keep<T>(answered: Promise<T>, again: (to: Orchestrator) => Promise<T>): void {
    const entry: Repeatable = { again, answer: undefined };
    this.#repeatable.push(entry);
    answered.then(
      (answer) => (entry.answer = canonical(answer)),
      () => undefined,
    );
  }

  #repeat(pick: number): void {
    const entry = chosen(this.#repeatable, pick);
    if (entry === undefined) return;
    const answered = entry.again(this.life.pawl);
    for (const wanted of this.#wanted.values())
      if (wanted.options.commandId !== undefined) wanted.unknown = true;
    this.#judge(answered, 'a repeated command');
    answered.then(
      (answer) => {
        const { answer: before } = entry;
        entry.answer = canonical(answer);
        if (before !== undefined && before !== entry.answer)
          this.life.report(
            new Violation(
              'exact accounting',
              `a repeated command was answered ${entry.answer}, first ${before}`,
            ),
          );
      },
      () => undefined,
    );
  }

  #command(
    name: string,
    call: (to: Orchestrator, options: { commandId?: string }) => Promise<unknown>,
  ): void {
    const commandId = `c${String(++this.#commands)}`;
    this.#expect(call(this.life.pawl, this.#commands % 2 === 0 ? { commandId } : {}), name);
  }

  #cancelTask(taskId: string): void {
    const { pawl, model } = this.life;
    const answered = pawl.cancelTask(taskId);
    this.#expect(answered, 'cancelTask');
    answered.then(
      () => {
        const task = model.tasks.get(taskId);
        if (task !== undefined && !task.canceled)
          this.life.report(
            new Violation('durable before visible', `${taskId} was canceled and that is no fact`),
          );
      },
      () => undefined,
    );
  }

  #aboutRun(call: Extract<Call, { readonly kind: RunCall | 'setRunPriority' }>): void {
    const { pawl } = this.life;
    const run = this.#pickRun(call);
    if (run === undefined) return;
    switch (call.kind) {
      case 'setRunPriority':
        this.#expect(pawl.setRunPriority(run.id, call.priority), call.kind);
        return;
      case 'result':
        this.#result(run);
        return;
      case 'watch':
        this.#watch(run);
        return;
      case 'cancelRun': {
        const answered = pawl.cancelRun(run.id);
        this.#expect(answered, call.kind);
        answered.then(
          () => {
            if (run.state !== 'canceled')
              this.life.report(
                new Violation('durable before visible', `${run.id} was canceled and is ${run.state}`),
              );
          },
          () => undefined,
        );
        return;
      }
      case 'resumeRun':
        this.#expect(pawl.resumeRun(run.id, { go: 'on' }), call.kind);
        return;
      default:
        this.#expect(pawl[call.kind](run.id), call.kind);
    }
  }

  #pickRun(call: { readonly kind: Operation['kind']; readonly pick: number }): ModelRun | undefined {
    const all = [...this.life.model.runs.values()];
    const states = CANDIDATES[call.kind];
    const fitting = states === undefined ? all : all.filter((run) => states.includes(run.state));
    return chosen(fitting.length === 0 ? all : fitting, call.pick);
  }

  #result(run: ModelRun): void {
    const { life } = this;
    life.pawl
      .run(run.id)
      .result()
      .then(
        () => {
          if (run.state !== 'completed')
            life.report(
              new Violation('durable before visible', `${run.id} has a result and is ${run.state}`),
            );
        },
        (error: unknown) => {
          const code = isPawlError(error) ? error.code : String(error);
          this.#count(code);
          const fits =
            code === 'RUN_FAILED'
              ? run.state === 'failed'
              : code === 'RUN_CANCELED'
                ? run.state === 'canceled'
                : undefined;
          if (fits === false)
            life.report(new Violation('durable before visible', `${run.id}: ${code} in ${run.state}`));
          if (fits === undefined) life.judge(error, `result of ${run.id}`);
        },
      );
  }

  #watch(run: ModelRun): void {
    const { life } = this;
    let last: RunState | undefined;
    const { number } = life;
    life.pawl.run(run.id).state$.subscribe({
      next: ({ state }) => {
        if (last !== undefined && last !== state && !life.model.seenEdges.has(`${last} → ${state}`))
          life.report(new Violation('streams', `${run.id} was shown going from ${last} to ${state}`));
        last = state;
      },
      error: (error: unknown) => {
        life.judge(error, `state$ of ${run.id}`);
      },
      complete: () => {
        if (number === life.number && last !== undefined && !isFinal(last) && isFinal(run.state))
          life.report(new Violation('streams', `the end of ${run.id} was not shown`));
      },
    });
  }

  #events(share: number): void {
    const { life } = this;
    const { model } = life;
    const from = 1 + Math.floor(share * model.sequence);
    const stream: Stream = { next: from, over: false, life: life.number };
    this.#streams.push(stream);
    life.pawl.events({ from }).subscribe({
      next: (event) => {
        const fact = model.events[event.sequence - 1];
        const same = fact === event || (fact !== undefined && canonical(fact) === canonical(event));
        if (event.sequence !== stream.next || !same)
          life.report(
            new Violation('streams', `event ${String(event.sequence)} came, ${String(stream.next)} was next`),
          );
        stream.next = event.sequence + 1;
      },
      error: (error: unknown) => {
        stream.over = true;
        life.judge(error, 'events()');
      },
      complete: () => (stream.over = true),
    });
  }

  #expect(answered: Promise<unknown>, what: string): void {
    this.#judge(answered, what);
  }

  #judge(answered: Promise<unknown>, what: string, settled?: (error: unknown) => void): void {
    const { number } = this.life;
    answered.then(
      () => settled?.(undefined),
      (error: unknown) => {
        if (number !== this.life.number) return;
        this.#count(isPawlError(error) ? error.code : String(error));
        settled?.(error ?? new PawlError('INTERNAL', 'refused with nothing'));
        this.life.judge(error, what);
      },
    );
  }

  #count(code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }
}

function isIndeterminate(error: unknown): boolean {
  return isPawlError(error) && error.data['outcome'] === 'indeterminate';
}

function inputOf(task: SimulatedTask): Record<string, unknown> {
  return { acts: task.acts, ...(task.fill > 0 ? { fill: '#'.repeat(task.fill) } : {}) };
}

function chosen<T>(items: readonly T[], pick: number): T | undefined {
  return items[pick % Math.max(1, items.length)];
}
