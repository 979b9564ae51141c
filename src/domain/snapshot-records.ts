// The sections of a snapshot and the record type of each. A section that a file lacks reads as empty; their
// order carries no meaning, the order of the records within one is kept.
import type {
  ActorRecord,
  BudgetRecord,
  CommandRecord,
  DependencyRecord,
  EngineRecord,
  EpochRecord,
  GrantRecord,
  LedgerRecord,
  PrunedRecord,
  RoleRecord,
  SavedTask,
  SubscriptionRecord,
  TenantRecord,
} from './nouns.js';
import type { SavedRun } from './run.js';

/** Record type of each section. */
export interface SectionRecords {
  /** At most one record. */
  readonly epoch: EpochRecord;
  readonly tasks: SavedTask;
  readonly runs: SavedRun;
  /** At most one record. */
  readonly engine: EngineRecord;
  readonly dependencies: DependencyRecord;
  readonly budgets: BudgetRecord;
  readonly subscriptions: SubscriptionRecord;
  readonly actors: ActorRecord;
  readonly tenants: TenantRecord;
  readonly roles: RoleRecord;
  readonly grants: GrantRecord;
  readonly ledger: LedgerRecord;
  readonly commands: CommandRecord;
  readonly pruned: PrunedRecord;
}

/** Name of a section. */
export type SectionName = keyof SectionRecords;

/** A record as it was before it changed. */
export interface KeptImage<R> {
  read(): R;
}

/** Where records go that are about to change before a snapshot has read them. Never throws: it is called while a commit is applied. */
export interface ImageKeeper {
  keep<N extends SectionName>(section: N, record: SectionRecords[N]): KeptImage<SectionRecords[N]>;
}

/** Names of the sections, in the order in which they are written. */
export const SECTION_NAMES = [
  'epoch',
  'tasks',
  'runs',
  'engine',
  'dependencies',
  'budgets',
  'subscriptions',
  'actors',
  'tenants',
  'roles',
  'grants',
  'ledger',
  'commands',
  'pruned',
] as const satisfies readonly SectionName[];
