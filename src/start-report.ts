// What a start found and did, for callers and tests; the log says the same.
import type { SweepReport } from './scheduling/sweeps/sweep.js';

/** A snapshot that could not be used. */
export interface RejectedSnapshot {
  readonly path: string;
  readonly code: string;
  readonly rule?: string;
  readonly message: string;
}

/** What was cut from the log's end. */
export interface RepairReport {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  readonly quarantine: string;
}

/** How much of the log a start checked; the rest is checked behind it. */
export interface CheckReport {
  /** Segments and bytes of which everything was checked. */
  readonly segments: number;
  readonly bytes: number;
  /** Segments and bytes of which only header, seal, length and place in the chain were. */
  readonly laterSegments: number;
  readonly laterBytes: number;
}

/** The start report. */
export interface StartReport {
  readonly epoch: number;
  /** Id of this process's turn; owner of the leases of its executor. */
  readonly instance: string;
  /** Seconds, the one exception among durations. */
  readonly recoveryDurationSeconds: number;
  readonly eventsAppliedTotal: number;
  readonly snapshotEventsApplied: number;
  readonly walReplayEventsApplied: number;
  readonly snapshotLoaded: boolean;
  readonly snapshotSequence: number;
  readonly snapshotsRejected: readonly RejectedSnapshot[];
  readonly repaired?: RepairReport;
  /** Absent when the backend has nothing to check. */
  readonly checked?: CheckReport;
  readonly sweeps: readonly SweepReport[];
  /** How long each step took. */
  readonly stepsMs: Readonly<Record<string, number>>;
}
