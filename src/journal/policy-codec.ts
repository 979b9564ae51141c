// How a policy is written: a plain `once` is nil and comes back as the one shared object.
import { DEFAULT_MISFIRE, DEFAULT_POLICY, type Misfire, type Overlap, type Policy } from '../domain/task.js';
import { DecodeError } from './byte-reader.js';
import type { RecordReader } from './record-reader.js';
import type { RecordWriter } from './record-writer.js';

const OVERLAPS: readonly Overlap[] = ['allow', 'skip', 'bufferOne'];
const SKIP: Misfire = Object.freeze({ kind: 'skip' });
const COALESCE: Misfire = Object.freeze({ kind: 'coalesce' });
const MISFIRES = [DEFAULT_MISFIRE, SKIP, COALESCE];
/** Array lengths of once, repeat and cron, the kind included. */
const FIELDS = [3, 6, 7];

/** Writes a policy; a plain `once` is nil. */
export function writePolicy(out: RecordWriter, policy: Policy): void {
  switch (policy.kind) {
    case 'once':
      if (policy.startAt === undefined && policy.misfire === undefined) {
        out.nil();
        return;
      }
      out.array(3);
      out.uint(0);
      out.optTime(policy.startAt);
      if (policy.misfire === undefined) out.nil();
      else writeMisfire(out, policy.misfire);
      return;
    case 'repeat':
      out.array(6);
      out.uint(1);
      out.uint(policy.count);
      out.uint(policy.intervalMs);
      break;
    case 'cron':
      out.array(7);
      out.uint(2);
      out.str(policy.expression);
      out.str(policy.timeZone);
      out.optUint(policy.maxOccurrences);
      break;
  }
  out.optTime(policy.startAt);
  writeMisfire(out, policy.misfire);
  out.code(OVERLAPS, policy.overlap);
}

/** Reads a policy. */
export function readPolicy(input: RecordReader): Policy {
  if (input.nil()) return DEFAULT_POLICY;
  const fields = input.array();
  const kind = input.uint();
  const extra = fields - (FIELDS[kind] ?? Infinity);
  if (extra < 0) throw new DecodeError('a policy of an unknown kind, or with too few fields');
  const policy = readPolicyFields(input, kind);
  input.close(extra);
  return policy;
}

function readPolicyFields(input: RecordReader, kind: number): Policy {
  if (kind === 0) {
    return {
      kind: 'once',
      startAt: input.optTime(),
      misfire: input.nil() ? undefined : readMisfire(input),
    } as Policy;
  }
  if (kind === 1) {
    return {
      kind: 'repeat',
      count: input.uint(),
      intervalMs: input.uint(),
      startAt: input.optTime(),
      misfire: readMisfire(input),
      overlap: input.code(OVERLAPS),
    } as Policy;
  }
  return {
    kind: 'cron',
    expression: input.word(),
    timeZone: input.word(),
    maxOccurrences: input.optUint(),
    startAt: input.optTime(),
    misfire: readMisfire(input),
    overlap: input.code(OVERLAPS),
  } as Policy;
}

function writeMisfire(out: RecordWriter, misfire: Misfire): void {
  if (misfire.kind === 'skip') out.uint(1);
  else if (misfire.kind === 'coalesce') out.uint(2);
  else if (misfire.cap === undefined) out.uint(0);
  else {
    out.array(2);
    out.uint(0);
    out.uint(misfire.cap);
  }
}

function readMisfire(input: RecordReader): Misfire {
  if (input.peek() < 0x80) {
    const known = MISFIRES[input.uint()];
    if (known === undefined) throw new DecodeError('a misfire of an unknown kind');
    return known;
  }
  const extra = input.open(2);
  if (input.uint() !== 0) throw new DecodeError('a misfire of an unknown kind');
  const cap = input.uint();
  input.close(extra);
  return { kind: 'catchUp', cap };
}
