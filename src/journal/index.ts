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
