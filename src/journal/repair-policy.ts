// What opening does about an incomplete last batch, and what it reports about it.

/** `strict` refuses anything that is not whole; `truncate-partial` cuts an incomplete last batch after keeping a copy. */
export type RepairPolicy = 'strict' | 'truncate-partial';

/** Why a place in the log is not a good frame. */
export type CorruptionReason =
  | 'incompleteHeader'
  | 'incompletePayload'
  | 'crcMismatch'
  | 'decodeFailure'
  | 'sequenceGap'
  | 'sealMismatch'
  | 'unsupportedVersion'
  | 'io';

/** A place in the log that is not a good frame; the `data` of the error that says so holds it. */
export interface WalCorruption {
  /** File name of the segment. */
  readonly segment: string;
  /** Byte offset of the start of the bad frame. */
  readonly offset: number;
  readonly reason: CorruptionReason;
}

/** What opening cut. */
export interface JournalRepair {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  /** File that keeps the bytes, relative to the data directory. */
  readonly quarantine: string;
}
