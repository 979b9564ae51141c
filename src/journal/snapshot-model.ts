// What a snapshot is: the state that the journal comes to at one sequence, as plain records (contract §3.9).
// The header says what was taken and when; the counts, written last, say how much there must be.
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
} from '../domain/nouns.js';
import type { PlainRun, SavedRun } from '../domain/run.js';
import { SECTION_NAMES, type SectionName, type SectionRecords } from '../domain/snapshot-records.js';
import type { PackedPairs } from '../domain/packed-pairs.js';

/** Version of the file: how frames and records are laid out. Those of version 1 are read, too. */
export const SNAPSHOT_FORMAT_VERSION = 2;
/** Version of the records: which sections and fields there are. */
export const SNAPSHOT_SCHEMA_VERSION = 1;

/** Header of a snapshot. Replay begins at `sequence + 1`. */
export interface SnapshotHeader {
  readonly formatVersion: number;
  readonly schemaVersion: number;
  /** Milliseconds since the Unix epoch. */
  readonly takenAt: number;
  /** Sequence of the last event that the snapshot stands for. */
  readonly sequence: number;
}

/** Number of records in each section; a section that is not named has none. */
export type SnapshotCounts = Readonly<Partial<Record<SectionName, number>>>;

/** A whole snapshot in memory. Records of a section keep their order; an absent section is empty. */
export interface Snapshot {
  readonly header: SnapshotHeader;
  /** The declared number of records of each section. */
  readonly counts: SnapshotCounts;
  readonly epoch?: EpochRecord;
  readonly engine?: EngineRecord;
  readonly tasks?: readonly SavedTask[];
  readonly runs?: readonly SavedRun[];
  readonly dependencies?: readonly DependencyRecord[];
  readonly budgets?: readonly BudgetRecord[];
  readonly subscriptions?: readonly SubscriptionRecord[];
  readonly actors?: readonly ActorRecord[];
  readonly tenants?: readonly TenantRecord[];
  readonly roles?: readonly RoleRecord[];
  readonly grants?: readonly GrantRecord[];
  readonly ledger?: readonly LedgerRecord[];
  readonly commands?: readonly CommandRecord[];
  readonly pruned?: readonly PrunedRecord[];
}

/** The sections of a snapshot, without its header and counts. */
export type SnapshotSections = Omit<Snapshot, 'header' | 'counts'>;

/** A record with the section it belongs to. */
export type SectionRecord = {
  [N in SectionName]: { readonly section: N; readonly record: SectionRecords[N] };
}[SectionName];

/** Puts a snapshot together: versions and counts are filled in. */
export function makeSnapshot(
  at: { readonly sequence: number; readonly takenAt: number },
  sections: SnapshotSections,
): Snapshot {
  const header: SnapshotHeader = {
    formatVersion: SNAPSHOT_FORMAT_VERSION,
    schemaVersion: SNAPSHOT_SCHEMA_VERSION,
    takenAt: at.takenAt,
    sequence: at.sequence,
  };
  const counts: Partial<Record<SectionName, number>> = {};
  for (const name of SECTION_NAMES) {
    const { length } = sectionOf(sections, name);
    if (length > 0) counts[name] = length;
  }
  return { ...sections, header, counts };
}

/** The records of one section; empty when it is absent. */
export function sectionOf<N extends SectionName>(
  sections: SnapshotSections,
  name: N,
): readonly SectionRecords[N][] {
  const section = sections[name] as SectionRecords[N] | readonly SectionRecords[N][] | undefined;
  if (section === undefined) return [];
  return Array.isArray(section) ? (section as readonly SectionRecords[N][]) : [section as SectionRecords[N]];
}

/** What takes a snapshot apart, or puts it together, record by record. */
export interface SnapshotSink {
  /** First of all. */
  header(header: SnapshotHeader): void;
  /** Each record, in the order of the file. */
  record<N extends SectionName>(section: N, record: SectionRecords[N]): void;
  /** When it is there: each record of `runs` that is no more than that, in place of `record`; valid until this returns. */
  plainRun?(run: PlainRun): void;
  /** When it is there: the tasks that wait with their one run, in place of their records, before `footer`. */
  pairs?(pairs: PackedPairs): void;
  /** Last of all, with the counts that the footer declares. */
  footer(counts: SnapshotCounts): void;
}

/** Hands a snapshot in memory to a sink. */
export function pourSnapshot(snapshot: Snapshot, sink: SnapshotSink): void {
  sink.header(snapshot.header);
  for (const name of SECTION_NAMES) pourSection(snapshot, name, sink);
  sink.footer(snapshot.counts);
}

function pourSection(snapshot: Snapshot, name: SectionName, sink: SnapshotSink): void {
  for (const record of sectionOf(snapshot, name)) sink.record(name, record);
}
