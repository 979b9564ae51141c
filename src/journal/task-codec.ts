// How a task's specification is written: what equals a shared default is nil, and comes back as that very
// object, so that a million ordinary tasks cost one policy, one set of constraints, one metadata.
import {
  DEFAULT_METADATA,
  NONE,
  type BudgetAllocation,
  type TaskMetadata,
  type TaskSpec,
} from '../domain/task.js';
import { readConstraints, writeConstraints } from './constraints-codec.js';
import { readPolicy, writePolicy } from './policy-codec.js';
import type { RecordReader } from './record-reader.js';
import type { RecordWriter } from './record-writer.js';

/** Writes the specification of a task. */
export function writeSpec(out: RecordWriter, spec: TaskSpec): void {
  out.array(11);
  out.id(spec.id);
  out.str(spec.type);
  out.optPayload(spec.input);
  out.optStr(spec.contentType);
  writePolicy(out, spec.policy);
  writeConstraints(out, spec.constraints);
  writeMetadata(out, spec.metadata);
  out.optId(spec.parentId);
  out.optId(spec.tenantId);
  if (spec.dependsOn.length === 0) out.nil();
  else out.idList(spec.dependsOn);
  writeBudgets(out, spec.budgets);
}

/** Reads the specification of a task. */
export function readSpec(input: RecordReader): TaskSpec {
  const extra = input.open(11);
  const spec = {
    id: input.id(),
    type: input.word(),
    input: input.optPayload(),
    contentType: input.optWord(),
    policy: readPolicy(input),
    constraints: readConstraints(input),
    metadata: readMetadata(input),
    parentId: input.optId(),
    tenantId: input.nil() ? undefined : input.sharedId(),
    dependsOn: input.nil() ? NONE : input.idList(),
    budgets: readBudgets(input),
  } as TaskSpec;
  input.close(extra);
  return spec;
}

/** Writes allocations; none is nil. */
export function writeBudgets(out: RecordWriter, budgets: readonly BudgetAllocation[]): void {
  if (budgets.length === 0) {
    out.nil();
    return;
  }
  out.array(budgets.length);
  for (const { dimension, limit } of budgets) {
    out.array(2);
    out.str(dimension);
    out.uint(limit);
  }
}

/** Reads allocations. */
export function readBudgets(input: RecordReader): readonly BudgetAllocation[] {
  if (input.nil()) return NONE;
  const budgets: BudgetAllocation[] = [];
  for (let left = input.array(); left > 0; left--) {
    const extra = input.open(2);
    budgets.push({ dimension: input.word(), limit: input.uint() });
    input.close(extra);
  }
  return budgets;
}

/** Writes metadata; without tags, priority and description it is nil. */
export function writeMetadata(out: RecordWriter, metadata: TaskMetadata): void {
  if (metadata.tags.length === 0 && metadata.priority === 0 && metadata.description === undefined) {
    out.nil();
    return;
  }
  out.array(3);
  out.strList(metadata.tags);
  out.int(metadata.priority);
  out.optStr(metadata.description);
}

/** Reads metadata; nil is the shared default. */
export function readMetadata(input: RecordReader): TaskMetadata {
  if (input.nil()) return DEFAULT_METADATA;
  const extra = input.open(3);
  const metadata = {
    tags: input.wordList(),
    priority: input.int(),
    description: input.optStr(),
  } as TaskMetadata;
  input.close(extra);
  return metadata;
}
