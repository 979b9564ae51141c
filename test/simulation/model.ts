// The reference: what the promises of the contract allow, judged fact by fact on its own small state, which shares
// nothing with the projections. Every event of a history goes through it once, in order; the first one that no
// promise allows ends the history.
import type { Commit, PawlEvent } from '../../src/domain/events.js';
import type { RunState } from '../../src/domain/run-state.js';
import {
  EDGES,
  holdsKey,
  isFinal,
  occurrencesOf,
  type ModelAttempt,
  type ModelBounds,
  type ModelRun,
  type ModelTask,
} from './model-records.js';
import { demand, known } from './violation.js';

type Of<T extends PawlEvent['type']> = Extract<PawlEvent, { readonly type: T }>;

/** The state that the facts so far allow. */
export class Model {
  readonly tasks = new Map<string, ModelTask>();
  readonly runs = new Map<string, ModelRun>();
  /** Every event, at the place of its sequence. */
  readonly events: PawlEvent[] = [];
  readonly seenEdges = new Set<string>();
  paused = false;
  epoch = 0;
  instance = '';
  lastAt = 0;
  /** Commits that the pruning policy made. */
  policyPrunes = 0;
  readonly #bounds: ModelBounds;
  readonly #ids = new Set<string>();
  #touched = new Set<ModelRun>();
  /** Runs that were pruned in this commit. */
  #gone: ModelRun[] = [];
  /** Runs whose attempt was lost in this commit. */
  #lost = new Set<ModelRun>();
  /** Number of the batch, counted from the first, and its name. */
  #batch = 0;
  #batchName = '';

  constructor(bounds: ModelBounds) {
    this.#bounds = bounds;
  }

  /** Sequence of the last fact. */
  get sequence(): number {
    return this.events.length;
  }

  /** Takes in a commit; `batch` names what became durable with one fsync. */
  apply(commit: Commit, batch: string): void {
    if (batch !== this.#batchName) this.#batch++;
    this.#batchName = batch;
    for (const [index, event] of commit.events.entries()) {
      this.#stamp(event, commit);
      if (event.type === 'EpochStarted') this.#epochStarted(event, index === 0);
      else if (event.type === 'JournalRepaired') this.#repaired();
      else this.#fact(event);
      this.events.push(event);
    }
    if (commit.header.command === undefined) this.#judgePolicy(commit);
    this.#gone = [];
    this.#judgeCommit();
  }

  /** True when something was ever given this id, also when it is pruned. */
  knows(id: string): boolean {
    return this.#ids.has(id);
  }

  /** True when the task, or one above it, is canceled. */
  isCanceled(task: ModelTask): boolean {
    for (let level: ModelTask | undefined = task; level !== undefined; level = level.parent)
      if (level.canceled) return true;
    return false;
  }

  /** True when nothing of the task can happen any more. */
  isOver(task: ModelTask): boolean {
    if (task.canceled) return true;
    return task.derived >= occurrencesOf(task.spec) && [...task.runs].every((run) => isFinal(run.state));
  }

  #stamp(event: PawlEvent, commit: Commit): void {
    demand(
      event.sequence === this.sequence + 1,
      'no silent loss',
      () => `event ${String(event.sequence)} (${event.type}) follows ${String(this.sequence)}`,
    );
    demand(
      event.at >= this.lastAt && event.at === commit.header.at,
      'order',
      () => `event ${String(event.sequence)} is stamped ${String(event.at)} after ${String(this.lastAt)}`,
    );
    this.lastAt = event.at;
  }

  #fact(event: Exclude<PawlEvent, Of<'EpochStarted'> | Of<'JournalRepaired'>>): void {
    demand(this.epoch > 0, 'order', () => `${event.type} before any epoch`);
    switch (event.type) {
      case 'EnginePaused':
      case 'EngineResumed':
        demand(this.paused === (event.type === 'EngineResumed'), 'pause', () => `${event.type} twice`);
        this.paused = event.type === 'EnginePaused';
        return;
      case 'TaskCreated':
        this.#taskCreated(event);
        return;
      case 'TaskCanceled':
        this.#taskCanceled(event);
        return;
      case 'PolicyAdvanced':
        this.#policyAdvanced(event);
        return;
      case 'TasksPruned':
        for (const id of event.taskIds) this.#taskPruned(id);
        return;
      case 'RunsPruned':
        for (const id of event.runIds) this.#runPruned(id);
        return;
      case 'RunCreated':
        this.#runCreated(event);
        return;
      case 'ClockJumped':
      case 'BudgetConsumed':
        return;
      default:
        this.#runFact(event);
    }
  }

  #runFact(event: PawlEvent): void {
    demand(
      'runId' in event && typeof event.runId === 'string',
      'order',
      () => `${event.type} is no fact of this version`,
    );
    const run = this.#run(event.runId);
    this.#touched.add(run);
    run.task.touchedIn = this.#batch;
    switch (event.type) {
      case 'RunStateChanged':
        this.#stateChanged(run, event);
        return;
      case 'RunResumed':
        demand(run.state === 'ready', 'order', () => `${run.id} was resumed in ${run.state}`);
        return;
      case 'RunPriorityChanged':
        demand(
          run.state === 'scheduled' || run.state === 'ready',
          'order',
          () => `the priority of ${run.id} changed in ${run.state}`,
        );
        run.priority = event.priority;
        return;
      case 'AttemptStarted':
        this.#attemptStarted(run, event);
        return;
      case 'AttemptFinished':
        this.#attemptFinished(run, event);
        return;
      case 'AttemptRefused': {
        const attempt = this.#attempt(run, event.attemptId);
        demand(
          attempt.result !== undefined && !attempt.refused,
          'one accepted result',
          () => `attempt ${event.attemptId} was refused while open, or twice`,
        );
        attempt.refused = true;
        return;
      }
      case 'ProgressReported':
        demand(
          run.open === event.attemptId,
          'one accepted result',
          () => `progress of ${event.attemptId}, which is not open`,
        );
        return;
      case 'LeaseAcquired':
        demand(
          run.lease === undefined && run.state === 'leased',
          'one lease',
          () => `a second lease of ${run.id}, or one in ${run.state}`,
        );
        run.lease = { owner: event.owner, expiryAt: event.expiryAt };
        return;
      case 'LeaseReleased':
        demand(
          run.lease?.owner === event.owner && run.lease.expiryAt === event.expiryAt,
          'one lease',
          () => `the lease of ${run.id} was given back by another`,
        );
        run.lease = undefined;
        return;
      default:
        demand(false, 'order', () => `${event.type} is no fact of this version`);
    }
  }

  #epochStarted(event: Of<'EpochStarted'>, first: boolean): void {
    demand(
      first && event.epoch > this.epoch,
      'one writer',
      () => `epoch ${String(event.epoch)} after ${String(this.epoch)}`,
    );
    this.epoch = event.epoch;
    this.instance = event.instance;
  }

  #repaired(): void {
    demand(this.events.at(-1)?.type === 'EpochStarted', 'order', () => 'a repair in the middle of a life');
  }

  #taskCreated({ spec }: Of<'TaskCreated'>): void {
    this.#newId(spec.id);
    const parent = spec.parentId === undefined ? undefined : this.tasks.get(spec.parentId);
    demand(
      (parent === undefined) === (spec.parentId === undefined),
      'exact accounting',
      () => `${spec.id} has the unknown parent ${String(spec.parentId)}`,
    );
    demand(
      parent === undefined || !this.isCanceled(parent),
      'exact accounting',
      () => `${spec.id} was created below a canceled task`,
    );
    const startAt = spec.policy.startAt;
    const task: ModelTask = {
      spec,
      parent,
      children: [],
      runs: new Set(),
      touchedIn: this.#batch,
      canceled: false,
      derived: 0,
      startAt,
      pruned: false,
    };
    parent?.children.push(task);
    this.tasks.set(spec.id, task);
  }

  #taskCanceled({ taskId }: Of<'TaskCanceled'>): void {
    const task = this.#task(taskId);
    demand(!task.canceled, 'completed is final', () => `${taskId} was canceled twice`);
    // A command is judged against what is durable (contract §6): the end of the last run may have been on the way, in
    // the batch of the cancellation or in the one before it.
    demand(
      !this.isOver(task) || this.#batch - task.touchedIn <= 1,
      'completed is final',
      () =>
        `${taskId} was canceled though it had ended ${String(this.#batch - task.touchedIn)} batches before`,
    );
    task.canceled = true;
  }

  #policyAdvanced(event: Of<'PolicyAdvanced'>): void {
    const task = this.#task(event.taskId);
    demand(
      event.throughOccurrence === task.derived + event.skipped - 1 &&
        event.throughOccurrence < occurrencesOf(task.spec),
      'exact accounting',
      () => `${event.taskId} advanced to ${String(event.throughOccurrence)} from ${String(task.derived)}`,
    );
    demand(!this.isCanceled(task), 'exact accounting', () => `${event.taskId} advanced though canceled`);
    this.#learnStart(task, event.throughOccurrence, event.throughAt);
    task.derived = event.throughOccurrence + 1;
    task.touchedIn = this.#batch;
  }

  #runCreated(event: Of<'RunCreated'>): void {
    const { runId, occurrence } = event;
    this.#newId(runId);
    const task = this.#task(event.taskId);
    demand(
      !this.isCanceled(task),
      'exact accounting',
      () => `${runId} was created though its task is canceled`,
    );
    if (event.retryOf === undefined) {
      demand(
        occurrence === task.derived && occurrence < occurrencesOf(task.spec),
        'exact accounting',
        () => `${event.taskId} got occurrence ${String(occurrence)} after ${String(task.derived)}`,
      );
      this.#learnStart(task, occurrence, event.scheduledAt);
      task.derived++;
    } else this.#retried(task, event, event.retryOf);
    const run: ModelRun = {
      id: runId,
      task,
      occurrence,
      scheduledAt: event.scheduledAt,
      retryOf: event.retryOf,
      state: 'scheduled',
      priority: event.priority,
      attempts: new Map(),
      open: undefined,
      failed: 0,
      lost: 0,
      lease: undefined,
      wakeAt: undefined,
      retriedBy: undefined,
      due: undefined,
      ended: undefined,
    };
    task.touchedIn = this.#batch;
    task.runs.add(run);
    this.runs.set(runId, run);
    this.#touched.add(run);
    this.#judgeWindow(task);
  }

  #retried(task: ModelTask, event: Of<'RunCreated'>, retryOf: string): void {
    const before = this.#run(retryOf);
    demand(
      before.task === task && before.occurrence === event.occurrence && before.retriedBy === undefined,
      'exact accounting',
      () => `${event.runId} takes the place of ${retryOf} a second time, or another place`,
    );
    demand(
      before.state === 'failed' || before.state === 'canceled',
      'exact accounting',
      () => `${retryOf} was run again in ${before.state}`,
    );
    before.retriedBy = event.runId;
  }

  /** Occurrence i lies at start + i·interval, whatever happened to the clock. */
  #learnStart(task: ModelTask, occurrence: number, at: number): void {
    const { policy } = task.spec;
    const startAt = policy.kind === 'repeat' ? at - occurrence * policy.intervalMs : at;
    task.startAt ??= startAt;
    demand(
      task.startAt === startAt,
      'exact accounting',
      () =>
        `occurrence ${String(occurrence)} of ${task.spec.id} lies at ${String(at)}, from ${String(task.startAt)}`,
    );
  }

  #judgeWindow(task: ModelTask): void {
    if (task.spec.policy.kind !== 'repeat') return;
    let open = 0;
    for (const run of task.runs) if (!isFinal(run.state) && run.retryOf === undefined) open++;
    demand(
      open <= this.#bounds.repeatWindow,
      'nothing unbounded',
      () => `${task.spec.id} has ${String(open)} open runs`,
    );
  }

  #stateChanged(run: ModelRun, event: Of<'RunStateChanged'>): void {
    const { from, to } = event;
    demand(run.state === from, 'completed is final', () => `${run.id} is ${run.state}, not ${from}`);
    demand(EDGES[from].includes(to), 'completed is final', () => `${run.id} went from ${from} to ${to}`);
    this.seenEdges.add(`${from} → ${to}`);
    if (from === 'running') this.#leftRunning(run, to);
    if (to === 'ready') this.#becameReady(run, from);
    if (to === 'leased') this.#claimed(run);
    run.state = to;
    run.wakeAt = event.wakeAt;
    if (isFinal(to)) run.ended = { sequence: event.sequence, at: event.at };
  }

  #leftRunning(run: ModelRun, to: RunState): void {
    demand(
      run.open === undefined && run.due === to,
      'attempts within the cap',
      () => `${run.id} left running for ${to}, its last attempt says ${String(run.due)}`,
    );
    run.due = undefined;
  }

  #becameReady(run: ModelRun, from: RunState): void {
    if (from === 'scheduled') {
      demand(!this.paused, 'pause', () => `${run.id} was promoted in a pause`);
      demand(!this.isCanceled(run.task), 'every reaction', () => `${run.id} was promoted though canceled`);
      demand(run.scheduledAt <= this.lastAt, 'exact accounting', () => `${run.id} was promoted too early`);
    }
    if (from !== 'retryWait') return;
    const { wakeAt } = run;
    demand(
      wakeAt !== undefined && wakeAt <= this.lastAt,
      'exact accounting',
      () => `${run.id} woke too early`,
    );
    // The first loss is retried in its own commit (contract §3.3), before the cascade has its turn (§8, step 7).
    demand(
      !this.isCanceled(run.task) || this.#lost.has(run),
      'every reaction',
      () => `${run.id} woke though canceled`,
    );
  }

  #claimed(run: ModelRun): void {
    demand(!this.paused, 'pause', () => `${run.id} was claimed in a pause`);
    demand(!this.isCanceled(run.task), 'every reaction', () => `${run.id} was claimed though canceled`);
    const key = run.task.spec.constraints.concurrencyKey;
    if (key === undefined) return;
    for (const other of this.runs.values()) {
      demand(
        other === run || other.task.spec.constraints.concurrencyKey !== key || !holdsKey(other),
        'one run per key',
        () => `${run.id} was claimed while ${other.id} (${other.state}) holds ${key}`,
      );
    }
  }

  #attemptStarted(run: ModelRun, event: Of<'AttemptStarted'>): void {
    this.#newId(event.attemptId);
    demand(
      run.state === 'running' && run.open === undefined,
      'one lease',
      () => `a second attempt of ${run.id}, or one in ${run.state}`,
    );
    demand(
      event.number === run.attempts.size + 1 && event.owner === run.lease?.owner,
      'one lease',
      () =>
        `attempt ${String(event.number)} of ${run.id} after ${String(run.attempts.size)}, by ${event.owner}`,
    );
    run.attempts.set(event.attemptId, { number: event.number, result: undefined, refused: false });
    run.open = event.attemptId;
  }

  #attemptFinished(run: ModelRun, event: Of<'AttemptFinished'>): void {
    demand(
      run.open === event.attemptId,
      'one accepted result',
      () => `attempt ${event.attemptId} of ${run.id} ended, open is ${String(run.open)}`,
    );
    this.#attempt(run, event.attemptId).result = event.result;
    run.open = undefined;
    const { maxAttempts, maxLostAttempts, safety } = run.task.spec.constraints;
    switch (event.result) {
      case 'success':
        run.due = 'completed';
        return;
      case 'suspended':
      case 'canceled':
        run.due = event.result;
        return;
      case 'failure':
      case 'timeout':
        run.failed++;
        run.due = event.error?.retryable === true && run.failed < maxAttempts ? 'retryWait' : 'failed';
        return;
      case 'lost': {
        this.#lost.add(run);
        const spared = event.error?.code === 'SHUTDOWN';
        if (!spared) run.lost++;
        const over = !spared && (run.lost >= maxLostAttempts || safety === 'transactional');
        run.due = over ? 'failed' : 'retryWait';
      }
    }
  }

  #taskPruned(id: string): void {
    const task = this.#task(id);
    const free = (other: ModelTask | undefined): boolean =>
      other === undefined || other.pruned || this.isOver(other);
    demand(
      this.isOver(task) && [...task.runs].every((run) => isFinal(run.state)),
      'completed is final',
      () => `${id} was pruned before its end`,
    );
    demand(
      free(task.parent) && task.children.every(free),
      'completed is final',
      () => `${id} was pruned while a task above or below it goes on`,
    );
    task.pruned = true;
    this.tasks.delete(id);
    for (const run of task.runs) this.#forget(run);
  }

  #runPruned(id: string): void {
    const run = this.#run(id);
    demand(
      isFinal(run.state) && run.task.spec.policy.kind !== 'once',
      'completed is final',
      () => `${id} was pruned in ${run.state}`,
    );
    run.task.runs.delete(run);
    this.#forget(run);
  }

  #forget(run: ModelRun): void {
    this.runs.delete(run.id);
    this.#gone.push(run);
  }

  /** What must hold between commits: a run that executes has a lease and one open attempt, any other has neither. */
  #judgeCommit(): void {
    for (const run of this.#touched) {
      const executes = run.state === 'running';
      demand(
        executes === (run.open !== undefined) &&
          executes === (run.lease !== undefined) &&
          run.due === undefined,
        'one lease',
        () => `${run.id} is ${run.state} with lease ${String(run.lease?.owner)}, attempt ${String(run.open)}`,
      );
    }
    this.#touched = new Set();
    this.#lost = new Set();
    let mine = 0;
    for (const run of this.runs.values()) if (run.lease?.owner === this.instance) mine++;
    demand(mine <= this.#bounds.concurrency, 'nothing unbounded', () => `${String(mine)} attempts at a time`);
  }

  /** The policy takes what ended long enough ago, and of the ended runs never the newest. */
  #judgePolicy({ events, header }: Commit): void {
    const gone = this.#gone;
    if (!events.some(({ type }) => type === 'TasksPruned' || type === 'RunsPruned')) return;
    const { prune } = this.#bounds;
    demand(prune !== undefined, 'completed is final', () => 'something was pruned that nobody asked for');
    this.policyPrunes++;
    const { olderThanMs = 0, keepNewest = 0 } = prune;
    let latest = 0;
    for (const { id, ended } of gone) {
      latest = Math.max(latest, ended?.sequence ?? 0);
      demand(
        ended !== undefined && ended.at <= header.at - olderThanMs,
        'completed is final',
        () => `${id} was pruned at ${String(header.at)}, it ended at ${String(ended?.at)}`,
      );
    }
    if (gone.length === 0 || keepNewest === 0) return;
    let newer = 0;
    for (const { ended } of this.runs.values()) if ((ended?.sequence ?? 0) > latest) newer++;
    demand(
      newer >= keepNewest,
      'completed is final',
      () => `of ${String(keepNewest)} ended runs to be kept ${String(newer)} are left`,
    );
  }

  #newId(id: string): void {
    demand(!this.#ids.has(id), 'exact accounting', () => `the id ${id} was used twice`);
    this.#ids.add(id);
  }

  #task(id: string): ModelTask {
    return known(this.tasks.get(id), 'order', () => `a fact about the unknown task ${id}`);
  }

  #run(id: string): ModelRun {
    return known(this.runs.get(id), 'order', () => `a fact about the unknown run ${id}`);
  }

  #attempt(run: ModelRun, id: string): ModelAttempt {
    return known(run.attempts.get(id), 'one accepted result', () => `${run.id} has no attempt ${id}`);
  }
}
