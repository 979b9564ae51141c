// The door `pawl/journal`: the storage on its own. Every export by name.
export type { Commit, CommitHeader, CommitOrigin, EventType, PawlEvent } from '../domain/events.js';
export { PawlError, isPawlError, type ErrorCode } from '../errors.js';
export {
  openJournal,
  openWalReader,
  openWalWriter,
  verify,
  type JournalHandle,
  type JournalOptions,
} from './open-journal.js';
export type { CorruptionReason, JournalRepair, RepairPolicy, WalCorruption } from './repair-policy.js';
export {
  loadProjectionFromStorage,
  type LoadProjectionOptions,
  type RecoveryBootstrap,
} from './load-projection.js';
export { dump, type DumpedEvent, type DumpOptions } from './offline-dump.js';
export { repair, type RepairOptions, type RepairReport } from './offline-repair.js';
export { salvage, type SalvageOptions, type SalvageReport } from './offline-salvage.js';
export { verifySnapshots, type CheckedSnapshot } from './offline-snapshots.js';
export { stats, type LogStats, type SegmentStats } from './offline-stats.js';
export { snapshotDirectory, type SnapshotDirectoryOptions } from './offline-take-snapshot.js';
export type { RecoveryObservations, RecoveryStage, RejectedSnapshot } from './recovery.js';
export type { DamagedPlace } from './salvage-pieces.js';
export type { SequenceRange } from './offline-salvage-plan.js';
export { SnapshotLoader, type SnapshotFileOptions } from './snapshot-loader.js';
export {
  SNAPSHOT_FORMAT_VERSION,
  SNAPSHOT_SCHEMA_VERSION,
  makeSnapshot,
  type Snapshot,
  type SnapshotCounts,
  type SnapshotHeader,
  type SnapshotSections,
} from './snapshot-model.js';
export { validateSnapshot } from './snapshot-validate.js';
export type { SnapshotRule } from './snapshot-validate-refusal.js';
export type { SnapshotInfo } from './snapshot-store.js';
export { SnapshotWriter } from './snapshot-writer.js';
export type { VerifiedLog } from './verify.js';
export { WalReader } from './wal-reader.js';
export {
  AppendTelemetry,
  InstrumentedWalWriter,
  WalWriter,
  type AppendCounts,
  type WalAppender,
  type WalCommitHeader,
} from './wal-writer.js';
