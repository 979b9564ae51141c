// What the process tests and their programs tell each other. Everything is plain data: it crosses a process.
import type { ErrorCode, RunRecord, RunState, SubmitOptions } from '../../../src/index.js';

/** Where the program ends itself with SIGKILL once a handler has armed the trap: around the next write to the log. */
export type TrapPoint = 'beforeWrite' | 'halfWritten' | 'written' | 'synced';

/** How an engine program is started. */
export interface EngineSetup {
  readonly dataDir: string;
  /** Each handler call appends `<runId> <attemptId>` to this file when it begins. */
  readonly effects: string;
  readonly concurrency?: number;
  readonly suspectMs?: number;
  /** How far the wall clock of the program is ahead. */
  readonly clockAheadMs?: number;
  readonly trap?: TrapPoint;
}

/** How a loaded program is started. */
export interface LoadSetup {
  readonly dataDir: string;
  /** As that of `EngineSetup`. */
  readonly effects: string;
  /** Numbers of the submissions begin at this one; none at all when absent: what is there is brought to its end. */
  readonly submitFrom?: number;
}

/** What the test may ask of an engine. */
export interface EngineCalls {
  submit(type: string, input: unknown, options?: SubmitOptions): { runIds: readonly string[] };
  run(runId: string): RunRecord | undefined;
  counts(): Readonly<Record<RunState, number>>;
  pause(): boolean;
  resume(): boolean;
  resumeRun(runId: string, value: unknown): boolean;
  /** Lets the handlers of the type `hold` with this name in their input end. */
  release(name: string): undefined;
  /** Resolves with what is still pending. */
  idle(): number;
  close(): undefined;
}

/** What a campaign asks of a loaded program. */
export interface LoadCalls {
  /** Those of the tasks that are not there, and those of the runs that are not completed. */
  missing(taskIds: readonly string[], runIds: readonly string[]): readonly string[];
}

/** A refusal as it crosses a process; `code` is absent when it was not typed. */
export interface Refusal {
  readonly code?: ErrorCode;
  readonly message: string;
  readonly data?: unknown;
}

/** What a test may ask of a submitter, a program that submits one task after another. */
export interface SubmitterCalls {
  /** Submits tasks of so many bytes until `count` are acknowledged or one is refused; their ids count on. */
  submitSome(
    count: number,
    bytes: number,
  ): { readonly acknowledged: readonly string[]; readonly refused?: Refusal };
  /** Those of the tasks that cannot be read. */
  unreadable(taskIds: readonly string[]): readonly string[];
  cancel(taskId: string): { readonly refused?: Refusal };
  snapshot(): { readonly refused?: Refusal };
  /** Opens files until there is no descriptor left, or closes them again. */
  holdDescriptors(hold: boolean): number;
  finish(): { readonly refused?: Refusal };
}

/** How a submitter is started. */
export interface SubmitterSetup {
  readonly dataDir: string;
  /** Number of the first task. */
  readonly from: number;
  readonly segmentBytes?: number;
  readonly expectExisting?: boolean;
}

/** A question to the program. */
export interface Call {
  readonly id: number;
  readonly method: keyof EngineCalls | keyof SubmitterCalls;
  readonly args: readonly unknown[];
}

/** What a program tells. */
export type Told =
  | { readonly type: 'opened'; readonly sweeps: Readonly<Record<string, number>>; readonly repaired: boolean }
  | { readonly type: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string }
  | { readonly type: 'began'; readonly name: string; readonly runId: string; readonly attemptId: string }
  /** `known`: how many of them had been accepted before. */
  | { readonly type: 'acknowledged'; readonly taskIds: readonly string[]; readonly known: number }
  | { readonly type: 'completed'; readonly runIds: readonly string[] }
  | { readonly type: 'leased' }
  | { readonly type: 'refused'; readonly refusal: Refusal }
  | { readonly type: 'warned'; readonly message: string }
  | { readonly type: 'report'; readonly report: unknown }
  | { readonly type: 'progress'; readonly done: number }
  | { readonly type: 'failed'; readonly message: string; readonly code?: ErrorCode };
