// Task shapes: what like tasks share, once. Interned by content in a table of bounded size, so that a million
// like tasks cost one shape; a shape beyond the bound belongs to its task alone, with the same meaning.
import {
  DEFAULT_CONSTRAINTS,
  DEFAULT_METADATA,
  DEFAULT_POLICY,
  NONE,
  type Constraints,
  type Policy,
  type TaskMetadata,
  type TaskSpec,
} from '../domain/task.js';
import { freezeDeep } from './freeze.js';
import { TaskBucket, type TaskShape } from './rows.js';

/** Shapes that the table holds. */
const MAX_SHAPES = 4_096;

/** Interns shapes. */
export class TaskShapes {
  /** Shapes with every default, by type: the common case, found without looking at the rest. */
  readonly #plain = new Map<string, TaskShape>();
  readonly #byContent = new Map<string, TaskShape>();
  readonly #keys = new Map<TaskShape, string>();

  constructor(private readonly maxShapes = MAX_SHAPES) {}

  /** Shapes in the table. */
  get size(): number {
    return this.#plain.size + this.#byContent.size;
  }

  /** Drops a shape that no task has any more. */
  drop(shape: TaskShape): void {
    if (this.#plain.get(shape.type) === shape) this.#plain.delete(shape.type);
    const key = this.#keys.get(shape);
    if (key === undefined) return;
    this.#keys.delete(shape);
    this.#byContent.delete(key);
  }

  /** The shape of a specification. */
  of(spec: TaskSpec): TaskShape {
    const key = isPlain(spec) ? undefined : contentKey(spec);
    const known = key === undefined ? this.#plain.get(spec.type) : this.#byContent.get(key);
    if (known !== undefined) return known;
    const shape = makeShape(spec);
    if (this.size >= this.maxShapes) return shape;
    if (key === undefined) {
      this.#plain.set(shape.type, shape);
    } else {
      this.#byContent.set(key, shape);
      this.#keys.set(shape, key);
    }
    return shape;
  }
}

/** The name under which a concurrency key is held: a `/` never occurs in a tenant id. */
function keyName(spec: TaskSpec): string | undefined {
  const key = spec.constraints.concurrencyKey;
  return key === undefined ? undefined : `${spec.tenantId ?? ''}/${key}`;
}

function isPlain(spec: TaskSpec): boolean {
  return (
    spec.constraints === DEFAULT_CONSTRAINTS &&
    spec.metadata === DEFAULT_METADATA &&
    spec.policy.kind === 'once' &&
    spec.policy.misfire === undefined &&
    spec.contentType === undefined &&
    spec.tenantId === undefined &&
    spec.budgets.length === 0
  );
}

function makeShape(spec: TaskSpec): TaskShape {
  return Object.freeze({
    type: spec.type,
    contentType: spec.contentType,
    policy: freezeDeep(timelessPolicy(spec.policy)),
    constraints: freezeDeep(spec.constraints),
    metadata: freezeDeep(spec.metadata),
    tenantId: spec.tenantId,
    budgets: spec.budgets.length === 0 ? NONE : freezeDeep(spec.budgets),
    key: keyName(spec),
    bucket: new TaskBucket(),
  });
}

/** A policy without its `startAt`. */
function timelessPolicy(policy: Policy): Policy {
  if (policy.kind === 'once' && policy.misfire === undefined) return DEFAULT_POLICY;
  const { startAt: _startAt, ...rest } = policy;
  return rest;
}

function contentKey(spec: TaskSpec): string {
  return JSON.stringify([
    spec.type,
    spec.contentType,
    spec.tenantId,
    policyKey(spec.policy),
    spec.constraints === DEFAULT_CONSTRAINTS ? 0 : constraintsKey(spec.constraints),
    spec.metadata === DEFAULT_METADATA ? 0 : metadataKey(spec.metadata),
    spec.budgets.map(({ dimension, limit }) => [dimension, limit]),
  ]);
}

function policyKey(policy: Policy): unknown[] {
  const misfire =
    policy.misfire === undefined
      ? []
      : [policy.misfire.kind, policy.misfire.kind === 'catchUp' ? policy.misfire.cap : 0];
  switch (policy.kind) {
    case 'once':
      return [misfire];
    case 'repeat':
      return [misfire, policy.count, policy.intervalMs, policy.overlap];
    case 'cron':
      return [misfire, policy.expression, policy.timeZone, policy.maxOccurrences, policy.overlap];
  }
}

function constraintsKey(constraints: Constraints): unknown[] {
  const { backoff } = constraints;
  const steps =
    backoff.kind === 'fixed'
      ? [backoff.delayMs]
      : backoff.kind === 'linear'
        ? [backoff.stepMs, backoff.maxMs]
        : [backoff.baseMs, backoff.maxMs, backoff.factor];
  return [
    constraints.maxAttempts,
    constraints.maxLostAttempts,
    constraints.timeoutMs,
    constraints.expireAfterMs,
    [backoff.kind, backoff.jitter, ...steps],
    constraints.concurrencyKey,
    constraints.keyHold,
    constraints.safety,
    constraints.requiredCapabilities,
    constraints.department,
  ];
}

function metadataKey(metadata: TaskMetadata): unknown[] {
  return [metadata.tags, metadata.priority, metadata.description];
}
