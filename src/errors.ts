// One error class and one table of codes. Callers branch on `code` through `isPawlError`, never
// on `instanceof`, so that two copies of the package in one process still understand each other.
// `docs/errors.md` is kept equal to this table by a test.

/** What each code means, in one line. The key set is the public list of codes. */
export const ERROR_CODES = {
  // input
  INVALID_INPUT: 'A field of the input breaks its rule; `path` names the field and `rule` the rule.',
  INVALID_ID: 'An id is not 1–128 characters of A–Z a–z 0–9 _ . : - beginning with a letter or digit.',
  PAYLOAD_TOO_LARGE: 'A payload has more bytes than `maxPayloadBytes`.',
  PAYLOAD_NOT_SERIALIZABLE: 'A payload holds a value that JSON cannot carry unchanged; `path` says where.',
  // tasks
  TASK_CONFLICT: 'The task id is taken by a task with another specification.',
  TASK_UNKNOWN: 'No task has this id.',
  TASK_CANCELED: 'The task is canceled.',
  TASK_PRUNED: 'The task was pruned.',
  TASK_STARTED: 'A run of the task has already left `scheduled`.',
  UNKNOWN_TASK_TYPE: 'No handler for this task type is known here and `requireHandler` was asked for.',
  DUPLICATE_TASK_TYPE: 'Two task definitions given at open have the same type.',
  HANDLER_NOT_ISOLATABLE: 'A handler that is a closure cannot run in a worker thread.',
  PARENT_UNKNOWN: 'The parent task does not exist.',
  PARENT_TERMINAL: 'The parent task is terminal.',
  HIERARCHY_TOO_DEEP: 'The task would sit deeper than 8 levels.',
  TENANT_UNKNOWN: 'The tenant does not exist.',
  PREREQUISITE_UNKNOWN: 'A prerequisite task does not exist in the same tenant.',
  DEPENDENCY_CYCLE: 'The declaration would close a cycle.',
  POLICY_OVERFLOW: 'An occurrence of the policy would lie beyond the safe integers.',
  ID_TAKEN: 'The id is in use.',
  NOT_SUPPORTED: 'This version does not act on the option yet; nothing was written.',
  // runs and attempts
  RUN_UNKNOWN: 'No run has this id.',
  RUN_PRUNED: 'The run was pruned.',
  RUN_FAILED: 'The run ended `failed`; `run` is its record.',
  RUN_CANCELED: 'The run is canceled.',
  RUN_TOO_LONG: 'The run holds too many steps, waits or bytes; continue as new.',
  RUN_WAITING: 'The run has open waits; end those instead.',
  RUN_HAS_DEPENDENTS: 'Dependents were already canceled by the end of this run; pass `detached: true`.',
  INVALID_TRANSITION: 'The run is in a state from which this change is not legal.',
  ATTEMPT_UNKNOWN: 'The run has no attempt with this id.',
  ATTEMPT_MISMATCH: 'The attempt is not the one that is open.',
  HANDLER_TIMEOUT: 'The attempt ran longer than `timeoutMs`.',
  LOST: 'The attempt was lost: the process or the lease ended before its result was durable.',
  TERMINAL: 'The handler said that trying again is useless.',
  HANDLER_FAILED: 'The handler threw something that is not an error.',
  STEP_DUPLICATE: 'A step or wait name was used twice in one run.',
  WAIT_SWALLOWED: 'The handler went on after a wait had ended its attempt.',
  WAIT_ANSWERED: 'The wait was already answered.',
  // leases
  LEASE_HELD: 'A lease is in force.',
  LEASE_MISSING: 'The run has no lease.',
  LEASE_LOST: 'The lease under which the result was produced is gone.',
  LEASE_OWNER_MISMATCH: 'The lease belongs to another owner.',
  LEASE_EXPIRY_MISMATCH: 'The lease has another expiry.',
  LEASE_EXPIRY_REGRESSION: 'A heartbeat cannot shorten a lease.',
  LEASE_WRONG_STATE: 'The run is in a state that cannot hold a lease.',
  // engine and commands
  ALREADY_PAUSED: 'The engine is paused.',
  NOT_PAUSED: 'The engine is not paused.',
  COMMAND_CONFLICT: 'The `commandId` was used with another command or other arguments.',
  COMMIT_TOO_LARGE: 'The commit has more events or bytes than one commit may have.',
  LIMIT_EXCEEDED: 'A limit would be exceeded; `limit` names it.',
  OVERLOADED: 'A queue is full; try again after `retryAfterMs`.',
  ABORTED: 'The wait was ended by its abort signal.',
  ACTOR_READ_ONLY: 'A live run actor follows the durable stream and takes no events.',
  CLOSED: 'The orchestrator, journal or writer is closed.',
  INTERNAL: 'An assertion of the engine failed; this is a defect in Pawl.',
  // other nouns
  BUDGET_NOT_ALLOCATED: 'The task has no allocation in this dimension.',
  SUBSCRIPTION_UNKNOWN: 'No subscription has this id.',
  NO_ROLE: 'The caller has no role in the tenant.',
  MISSING_CAPABILITY: 'The caller lacks the capability.',
  LEDGER_ENTRY_EXISTS: 'A ledger entry has this id.',
  // storage
  DATA_DIR_MISSING: 'The data directory or its parent does not exist.',
  DATA_DIR_LOCKED: 'Another process has the data directory open.',
  DATA_DIR_FOREIGN: 'The directory holds files that are not Pawl’s.',
  LOCK_UNAVAILABLE: 'This machine offers no kernel lock that Pawl can use.',
  READ_ONLY_STORAGE: 'The storage refuses writes.',
  STORAGE_FULL: 'The disk is full; nothing acknowledged was lost.',
  STORAGE_FAILED: 'The storage refused an operation.',
  TORN_TAIL: 'The log ends in an incomplete batch.',
  JOURNAL_CORRUPT: 'The log is damaged at the named place.',
  UNSUPPORTED_FORMAT: 'The file has a format version this release does not read.',
  SEGMENT_MISSING: 'A segment of the log is missing.',
  ACKNOWLEDGED_DATA_MISSING: 'The log ends before events that are known to be durable.',
  SNAPSHOT_AHEAD: 'The snapshot is newer than the end of the log.',
  SNAPSHOT_INVALID: 'The snapshot breaks a rule; `rule` names it.',
  SNAPSHOT_CORRUPT: 'The snapshot file is damaged.',
  REPLAY_REFUSED: 'An event of the log is refused by the state; `rule` names why.',
  SEQUENCE_VIOLATION: 'The event does not follow the last one.',
  JOURNAL_POISONED: 'The journal cannot write any more; reopen the directory in a new process.',
  HISTORY_GONE: 'The events asked for are no longer kept.',
  TARGET_EXISTS: 'Something is already where the new directory would be.',
  NOTHING_TO_SALVAGE: 'The directory holds nothing that could be used.',
} as const;

/** A stable error code of Pawl. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Details of an error: ids, the actual state, places. Values are plain data. */
export type ErrorData = Readonly<Record<string, unknown>>;

const brand = '@pawl/error';

/** The one error class. `message` names the id, the actual state and the next step. */
export class PawlError extends Error {
  override readonly name: string = 'PawlError';
  /** Stable code, one of `ERROR_CODES`. */
  readonly code: ErrorCode;
  /** Details by code; see `docs/errors.md`. */
  readonly data: ErrorData;

  constructor(code: ErrorCode, message: string, data: ErrorData = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.data = data;
    Object.defineProperty(this, 'brand', { value: brand });
  }
}

/** Thrown by a handler to fail its run without another attempt. Code `TERMINAL`. */
export class TerminalError extends PawlError {
  override readonly name = 'TerminalError';

  constructor(message: string, data: ErrorData = {}, cause?: unknown) {
    super('TERMINAL', message, data, cause);
  }
}

/** True when `error` is a Pawl error, and has `code` when one is given; it is narrowed to that. */
export function isPawlError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: Code,
): error is PawlError & { readonly code: Code } {
  if (typeof error !== 'object' || error === null) return false;
  if ((error as { brand?: unknown }).brand !== brand) return false;
  return code === undefined || (error as PawlError).code === code;
}
