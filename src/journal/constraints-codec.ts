// How constraints and backoffs are written: the defaults are nil and come back as the shared objects.
import {
  DEFAULT_BACKOFF,
  DEFAULT_CONSTRAINTS,
  type Backoff,
  type Constraints,
  type Jitter,
  type KeyHold,
  type Safety,
} from '../domain/task.js';
import { DecodeError } from './byte-reader.js';
import type { RecordReader } from './record-reader.js';
import type { RecordWriter } from './record-writer.js';

const JITTERS: readonly Jitter[] = ['full', 'none'];
const KEY_HOLDS: readonly KeyHold[] = ['holdDuringRetry', 'releaseOnRetry'];
const SAFETIES: readonly Safety[] = ['pure', 'idempotent', 'transactional'];
/** Array lengths of exponential, linear and fixed, the kind included. */
const BACKOFF_FIELDS = [5, 4, 3];

/** Writes constraints; the defaults are nil. */
export function writeConstraints(out: RecordWriter, constraints: Constraints): void {
  if (constraints === DEFAULT_CONSTRAINTS || isDefault(constraints)) {
    out.nil();
    return;
  }
  out.array(10);
  out.uint(constraints.maxAttempts);
  out.uint(constraints.maxLostAttempts);
  out.optUint(constraints.timeoutMs);
  out.optUint(constraints.expireAfterMs);
  writeBackoff(out, constraints.backoff);
  out.optStr(constraints.concurrencyKey);
  out.code(KEY_HOLDS, constraints.keyHold);
  out.code(SAFETIES, constraints.safety);
  out.optStrList(constraints.requiredCapabilities);
  out.optStr(constraints.department);
}

/** Reads constraints; nil is the shared default. */
export function readConstraints(input: RecordReader): Constraints {
  if (input.nil()) return DEFAULT_CONSTRAINTS;
  const extra = input.open(10);
  const constraints = {
    maxAttempts: input.uint(),
    maxLostAttempts: input.uint(),
    timeoutMs: input.optUint(),
    expireAfterMs: input.optUint(),
    backoff: readBackoff(input),
    concurrencyKey: input.optWord(),
    keyHold: input.code(KEY_HOLDS),
    safety: input.code(SAFETIES),
    requiredCapabilities: input.optWordList(),
    department: input.optWord(),
  } as Constraints;
  input.close(extra);
  return constraints;
}

function isDefault(constraints: Constraints): boolean {
  return (
    constraints.maxAttempts === DEFAULT_CONSTRAINTS.maxAttempts &&
    constraints.maxLostAttempts === DEFAULT_CONSTRAINTS.maxLostAttempts &&
    constraints.timeoutMs === undefined &&
    constraints.expireAfterMs === undefined &&
    isDefaultBackoff(constraints.backoff) &&
    constraints.concurrencyKey === undefined &&
    constraints.keyHold === DEFAULT_CONSTRAINTS.keyHold &&
    constraints.safety === DEFAULT_CONSTRAINTS.safety &&
    constraints.requiredCapabilities === undefined &&
    constraints.department === undefined
  );
}

function isDefaultBackoff(backoff: Backoff): boolean {
  if (backoff === DEFAULT_BACKOFF) return true;
  return (
    backoff.kind === 'exponential' &&
    DEFAULT_BACKOFF.kind === 'exponential' &&
    backoff.baseMs === DEFAULT_BACKOFF.baseMs &&
    backoff.maxMs === DEFAULT_BACKOFF.maxMs &&
    backoff.factor === DEFAULT_BACKOFF.factor &&
    backoff.jitter === DEFAULT_BACKOFF.jitter
  );
}

function writeBackoff(out: RecordWriter, backoff: Backoff): void {
  if (isDefaultBackoff(backoff)) {
    out.nil();
    return;
  }
  switch (backoff.kind) {
    case 'exponential':
      out.array(5);
      out.uint(0);
      out.num(backoff.baseMs);
      out.num(backoff.maxMs);
      out.num(backoff.factor);
      break;
    case 'linear':
      out.array(4);
      out.uint(1);
      out.num(backoff.stepMs);
      out.num(backoff.maxMs);
      break;
    case 'fixed':
      out.array(3);
      out.uint(2);
      out.num(backoff.delayMs);
      break;
  }
  out.code(JITTERS, backoff.jitter);
}

function readBackoff(input: RecordReader): Backoff {
  if (input.nil()) return DEFAULT_BACKOFF;
  const fields = input.array();
  const kind = input.uint();
  const extra = fields - (BACKOFF_FIELDS[kind] ?? Infinity);
  if (extra < 0) throw new DecodeError('a backoff of an unknown kind, or with too few fields');
  let backoff: Backoff;
  if (kind === 0) {
    backoff = {
      kind: 'exponential',
      baseMs: input.num(),
      maxMs: input.num(),
      factor: input.num(),
      jitter: input.code(JITTERS),
    };
  } else if (kind === 1) {
    backoff = { kind: 'linear', stepMs: input.num(), maxMs: input.num(), jitter: input.code(JITTERS) };
  } else {
    backoff = { kind: 'fixed', delayMs: input.num(), jitter: input.code(JITTERS) };
  }
  input.close(extra);
  return backoff;
}
