// The rules of a snapshot as a whole (contract §9), checked record by record before it is written and after it is
// read. The order of the sections carries no meaning, so references are judged when everything is known.
import type {
  BudgetRecord,
  DependencyRecord,
  EngineRecord,
  SavedTask,
  SubscriptionRecord,
} from '../domain/nouns.js';
import type { PlainRun, SavedRun } from '../domain/run.js';
import { SECTION_NAMES, type SectionName, type SectionRecords } from '../domain/snapshot-records.js';
import { PawlError } from '../errors.js';
import type { PackedPairs } from '../domain/packed-pairs.js';
import {
  SNAPSHOT_FORMAT_VERSION,
  SNAPSHOT_SCHEMA_VERSION,
  pourSnapshot,
  type Snapshot,
  type SnapshotCounts,
  type SnapshotHeader,
  type SnapshotSink,
} from './snapshot-model.js';
import { IdSet } from './snapshot-validate-ids.js';
import { snapshotInvalid } from './snapshot-validate-refusal.js';
import { validateRun } from './snapshot-validate-run.js';

/** Checks a snapshot in memory. Errors: `SNAPSHOT_INVALID{ rule, section?, id?, declared?, actual? }`, `UNSUPPORTED_FORMAT`. */
export function validateSnapshot(snapshot: Snapshot): void {
  pourSnapshot(snapshot, new SnapshotValidator());
}

/** A sink that gets only what keeps the rules, as far as they can be judged so far. */
export function validated(sink: SnapshotSink, known?: KnownRecords): SnapshotSink {
  const rules = new SnapshotValidator(known);
  const plain =
    sink.plainRun === undefined
      ? {}
      : {
          plainRun(run: PlainRun) {
            rules.plainRun(run);
            sink.plainRun?.(run);
          },
        };
  const packed =
    sink.pairs === undefined
      ? {}
      : {
          pairs(pairs: PackedPairs) {
            rules.countPairs(pairs);
            sink.pairs?.(pairs);
          },
        };
  return {
    ...plain,
    ...packed,
    header(header) {
      rules.header(header);
      sink.header(header);
    },
    record(section, record) {
      rules.record(section, record);
      sink.record(section, record);
    },
    footer(counts) {
      rules.footer(counts);
      sink.footer(counts);
    },
  };
}

/** A reference to a task that was not known when it was met. */
interface OpenReference {
  readonly section: SectionName;
  readonly id: string;
  readonly taskId: string;
  /** True for a prerequisite: of a task that has ended it may be pruned and long forgotten. */
  readonly prerequisite: boolean;
}

/** Parts of a key that never occur inside an id. */
const APART = '\n';

/** What knows the tasks and runs met so far in the validator's place: whoever loads them anyway. */
export interface KnownRecords {
  hasTask(taskId: string): boolean;
}

/** Sections that a `KnownRecords` keeps unique itself. */
const KNOWN_SECTIONS: ReadonlySet<SectionName> = new Set<SectionName>(['tasks', 'runs']);

/** Checks a snapshot as its records go by. */
export class SnapshotValidator implements SnapshotSink {
  readonly #ids = new Map<SectionName, IdSet>();
  readonly #counts: Record<SectionName, number>;
  /** Tasks that have ended: their prerequisites may be pruned and forgotten. */
  readonly #endedTasks = new IdSet();
  readonly #prunedTasks = new IdSet();
  readonly #open: OpenReference[] = [];
  #knownTaskId = '';

  /** With `known`, tasks and runs that occur twice are for it to find: a set of a million ids takes its time. */
  constructor(private readonly known?: KnownRecords) {
    this.#counts = Object.fromEntries(SECTION_NAMES.map((name) => [name, 0])) as Record<SectionName, number>;
  }

  header(header: SnapshotHeader): void {
    checkHeader(header);
  }

  record<N extends SectionName>(section: N, record: SectionRecords[N]): void {
    this.#counts[section]++;
    CHECKS[section](this, record);
  }

  /** A run whose history and attempts follow from its state: of the rules only those about ids can be broken. */
  plainRun(run: PlainRun): void {
    this.#counts.runs++;
    this.unique('runs', run.id);
    this.refers('runs', run.id, run.taskId);
  }

  /** Waiting tasks with their runs, whose form leaves no rule to be broken, but for those about ids, which `known` keeps. */
  countPairs({ size }: PackedPairs): void {
    this.#counts.tasks += size;
    this.#counts.runs += size;
  }

  footer(counts: SnapshotCounts): void {
    for (const section of SECTION_NAMES) {
      const declared = counts[section] ?? 0;
      const actual = this.#counts[section];
      if (declared !== actual) throw snapshotInvalid('countMismatch', { section, declared, actual });
    }
    for (const reference of this.#open) this.#settle(reference);
  }

  /** Refuses an id that was met before. */
  unique(section: SectionName, id: string): void {
    if (this.known !== undefined && KNOWN_SECTIONS.has(section)) return;
    let ids = this.#ids.get(section);
    if (ids === undefined) this.#ids.set(section, (ids = new IdSet()));
    if (!ids.add(id)) throw snapshotInvalid('duplicateId', { section, id: id.replaceAll(APART, ' ') });
  }

  /** Notes that a record names a task. */
  refers(section: SectionName, id: string, taskId: string, prerequisite = false): void {
    if (taskId === this.#knownTaskId) return;
    if (this.#hasTask(taskId)) this.#knownTaskId = taskId;
    else this.#open.push({ section, id, taskId, prerequisite });
  }

  ended(taskId: string): void {
    this.#endedTasks.add(taskId);
  }

  pruned(taskId: string): void {
    this.#prunedTasks.add(taskId);
  }

  #hasTask(taskId: string): boolean {
    return this.known === undefined
      ? (this.#ids.get('tasks')?.has(taskId) ?? false)
      : this.known.hasTask(taskId);
  }

  #settle({ section, id, taskId, prerequisite }: OpenReference): void {
    if (this.#hasTask(taskId) || this.#prunedTasks.has(taskId)) return;
    // Only so many pruned ids are remembered, and a task that has ended outlives its pruned prerequisites.
    if (prerequisite && this.#prunedTasks.size > 0 && this.#endedTasks.has(id)) return;
    throw snapshotInvalid('unknownReference', { section, id, taskId });
  }
}

type Checks = {
  readonly [N in SectionName]: (validator: SnapshotValidator, record: SectionRecords[N]) => void;
};

const CHECKS: Checks = {
  epoch: (validator) => validator.unique('epoch', 'epoch'),
  engine: checkEngine,
  tasks: checkTask,
  runs: checkRun,
  dependencies: checkDependency,
  budgets: checkBudget,
  subscriptions: checkSubscription,
  actors: (validator, actor) => validator.unique('actors', actor.id),
  tenants: (validator, tenant) => validator.unique('tenants', tenant.id),
  roles: (validator, role) => validator.unique('roles', [role.actorId, role.tenantId].join(APART)),
  grants: (validator, grant) =>
    validator.unique('grants', [grant.actorId, grant.tenantId, grant.capability].join(APART)),
  ledger: (validator, entry) => validator.unique('ledger', entry.id),
  // What is remembered of the past may hold an id twice: one that was used again after it had been forgotten or pruned.
  commands: () => undefined,
  pruned: (validator, pruned) => {
    if (pruned.kind === 'task') validator.pruned(pruned.id);
  },
};

function checkHeader({ formatVersion, schemaVersion }: SnapshotHeader): void {
  if (formatVersion !== SNAPSHOT_FORMAT_VERSION && formatVersion !== 1) {
    throw new PawlError(
      'UNSUPPORTED_FORMAT',
      `The snapshot has format version ${String(formatVersion)}; this release reads 1 to ${String(SNAPSHOT_FORMAT_VERSION)}.`,
      { reason: 'unsupportedVersion', found: formatVersion, supported: SNAPSHOT_FORMAT_VERSION },
    );
  }
  if (schemaVersion !== SNAPSHOT_SCHEMA_VERSION) {
    throw snapshotInvalid('schemaVersion', { declared: schemaVersion, actual: SNAPSHOT_SCHEMA_VERSION });
  }
}

function checkEngine(validator: SnapshotValidator, { paused, pausedAt, resumedAt }: EngineRecord): void {
  validator.unique('engine', 'engine');
  const section = 'engine';
  if (paused && pausedAt === undefined) throw snapshotInvalid('pausedWithoutTime', { section });
  if (resumedAt === undefined) return;
  if (pausedAt === undefined) throw snapshotInvalid('resumedWithoutPause', { section, actual: resumedAt });
  if (resumedAt < pausedAt)
    throw snapshotInvalid('resumeBeforePause', { section, declared: pausedAt, actual: resumedAt });
}

function checkTask(validator: SnapshotValidator, task: SavedTask): void {
  const { id } = task.spec;
  validator.unique('tasks', id);
  const { canceledAt, createdAt, counts } = task;
  if (canceledAt !== undefined && canceledAt < createdAt) {
    throw snapshotInvalid('canceledBeforeCreated', {
      section: 'tasks',
      id,
      declared: createdAt,
      actual: canceledAt,
    });
  }
  const over = counts.completed + counts.failed + counts.canceled;
  if (canceledAt !== undefined || (counts.created > 0 && over >= counts.created)) validator.ended(id);
}

function checkRun(validator: SnapshotValidator, run: SavedRun): void {
  validator.unique('runs', run.id);
  validator.refers('runs', run.id, run.taskId);
  validateRun(run);
}

function checkDependency(validator: SnapshotValidator, { taskId, dependsOn }: DependencyRecord): void {
  validator.unique('dependencies', taskId);
  validator.refers('dependencies', taskId, taskId);
  for (const prerequisite of dependsOn) validator.refers('dependencies', taskId, prerequisite, true);
}

function checkBudget(validator: SnapshotValidator, { taskId, dimension }: BudgetRecord): void {
  validator.unique('budgets', [taskId, dimension].join(APART));
  validator.refers('budgets', taskId, taskId);
}

function checkSubscription(validator: SnapshotValidator, { id, taskId }: SubscriptionRecord): void {
  validator.unique('subscriptions', id);
  validator.refers('subscriptions', id, taskId);
}
