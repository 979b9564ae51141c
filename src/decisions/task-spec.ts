// From what a caller passed to a durable specification: every rule of contract §3.1–3.3 is checked here and
// every default filled in, before any state is looked at. Times stay as they were passed.
import { PawlError } from '../errors.js';
import {
  invalid,
  requireFields,
  requireInteger,
  requireList,
  requireText,
  requireWord,
  type Fields,
} from '../domain/check.js';
import { requireId } from '../domain/ids.js';
import type { Limits } from '../domain/limits.js';
import { canonicalJson, encodePayload, payloadsEqual, type Payload } from '../domain/payload.js';
import type { SubmitOptions } from '../domain/submission.js';
import {
  DEFAULT_BACKOFF,
  DEFAULT_CONSTRAINTS,
  DEFAULT_METADATA,
  DEFAULT_MISFIRE,
  DEFAULT_POLICY,
  NONE,
  type Backoff,
  type BudgetAllocation,
  type Constraints,
  type Misfire,
  type Policy,
  type TaskMetadata,
  type TaskSpec,
} from '../domain/task.js';

const OPTION_FIELDS = [
  'id',
  'contentType',
  'policy',
  'constraints',
  'metadata',
  'parentId',
  'tenantId',
  'dependsOn',
  'budgets',
  'requireHandler',
  'commandId',
  'by',
  'trace',
] as const;
const MAX_ATTEMPTS = 10_000;
const MAX_TYPE_CHARS = 128;
const MAX_KEY_CHARS = 256;
const MAX_DESCRIPTION_CHARS = 4_096;
const MAX_BUDGETS = 64;
const INT32 = { min: -2_147_483_648, max: 2_147_483_647 };
const DAY_MS = 86_400_000;
const MAX_MS = { min: 1, max: 36_500 * DAY_MS };

/** A submission as it is passed: type, input, options. */
export interface SubmissionInput {
  readonly type: unknown;
  readonly input: unknown;
  readonly options: SubmitOptions;
}

/**
 * Checks a submission and fills in defaults. `newId` is called only when no id was passed.
 * Errors: `INVALID_INPUT`, `INVALID_ID`, `PAYLOAD_NOT_SERIALIZABLE`, `PAYLOAD_TOO_LARGE`, `POLICY_OVERFLOW`.
 */
export function resolveSpec(submission: SubmissionInput, limits: Limits, newId: () => string): TaskSpec {
  const { options } = submission;
  const type = requireText(submission.type, 'type', MAX_TYPE_CHARS);
  const input = submission.input === undefined ? undefined : encodePayload(submission.input, limits);
  if (Object.keys(options).length === 0) {
    return specOf({ id: newId(), type, input, policy: DEFAULT_POLICY, constraints: DEFAULT_CONSTRAINTS, metadata: DEFAULT_METADATA });
  }
  requireFields(options, 'options', OPTION_FIELDS);
  const id = options.id === undefined ? newId() : requireId(options.id, 'id');
  const dependsOn = resolveDependsOn(options.dependsOn, limits);
  const budgets = resolveBudgets(options.budgets);
  if (dependsOn.length > 0) throw notYet('dependsOn');
  if (budgets.length > 0) throw notYet('budgets');
  return specOf({
    id,
    type,
    input,
    contentType: options.contentType === undefined ? undefined : requireText(options.contentType, 'contentType', MAX_KEY_CHARS),
    policy: resolvePolicy(options.policy),
    constraints: resolveConstraints(options.constraints),
    metadata: resolveMetadata(options.metadata, limits),
    parentId: options.parentId === undefined ? undefined : requireId(options.parentId, 'parentId'),
    tenantId: options.tenantId === undefined ? undefined : requireId(options.tenantId, 'tenantId'),
    dependsOn,
    budgets,
  });
}

/** True when both specifications ask for the same: field by field, lists in order, input by its value. */
export function specsEqual(left: TaskSpec, right: TaskSpec): boolean {
  const { input: leftInput, ...leftRest } = left;
  const { input: rightInput, ...rightRest } = right;
  return payloadsEqual(leftInput, rightInput) && canonicalJson(leftRest) === canonicalJson(rightRest);
}

interface SpecParts {
  readonly id: string;
  readonly type: string;
  readonly input: Payload | undefined;
  readonly contentType?: string | undefined;
  readonly policy: Policy;
  readonly constraints: Constraints;
  readonly metadata: TaskMetadata;
  readonly parentId?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly dependsOn?: readonly string[];
  readonly budgets?: readonly BudgetAllocation[];
}

function specOf(parts: SpecParts): TaskSpec {
  return {
    id: parts.id,
    type: parts.type,
    ...(parts.input === undefined ? {} : { input: parts.input }),
    ...(parts.contentType === undefined ? {} : { contentType: parts.contentType }),
    policy: parts.policy,
    constraints: parts.constraints,
    metadata: parts.metadata,
    ...(parts.parentId === undefined ? {} : { parentId: parts.parentId }),
    ...(parts.tenantId === undefined ? {} : { tenantId: parts.tenantId }),
    dependsOn: parts.dependsOn ?? NONE,
    budgets: parts.budgets ?? NONE,
  };
}

function resolvePolicy(given: unknown): Policy {
  if (given === undefined) return DEFAULT_POLICY;
  const kind = requireWord((given as Fields | null)?.['kind'], 'policy.kind', ['once', 'repeat', 'cron'] as const);
  switch (kind) {
    case 'once': {
      const fields = requireFields(given, 'policy', ['kind', 'startAt']);
      return fields['startAt'] === undefined ? DEFAULT_POLICY : { kind, startAt: requireTime(fields['startAt'], 'policy.startAt') };
    }
    case 'repeat':
      return resolveRepeat(requireFields(given, 'policy', ['kind', 'count', 'intervalMs', 'startAt', 'misfire', 'overlap']));
    case 'cron':
      throw notYet('policy.kind cron');
  }
}

function resolveRepeat(fields: Fields): Policy {
  const count = requireInteger(fields['count'], 'policy.count', { min: 1 });
  const intervalMs = requireInteger(fields['intervalMs'], 'policy.intervalMs', { min: 1 });
  const startAt = fields['startAt'] === undefined ? undefined : requireTime(fields['startAt'], 'policy.startAt');
  const overlap =
    fields['overlap'] === undefined ? 'allow' : requireWord(fields['overlap'], 'policy.overlap', ['allow', 'skip', 'bufferOne'] as const);
  return {
    kind: 'repeat',
    count,
    intervalMs,
    ...(startAt === undefined ? {} : { startAt }),
    misfire: resolveMisfire(fields['misfire']),
    overlap,
  };
}

function resolveMisfire(given: unknown): Misfire {
  if (given === undefined) return DEFAULT_MISFIRE;
  const kind = requireWord((given as Fields | null)?.['kind'], 'policy.misfire.kind', ['catchUp', 'skip', 'coalesce'] as const);
  if (kind !== 'catchUp') {
    requireFields(given, 'policy.misfire', ['kind']);
    return { kind };
  }
  const { cap } = requireFields(given, 'policy.misfire', ['kind', 'cap']) as { cap?: unknown };
  return cap === undefined ? DEFAULT_MISFIRE : { kind, cap: requireInteger(cap, 'policy.misfire.cap', { min: 1 }) };
}

function resolveConstraints(given: unknown): Constraints {
  if (given === undefined) return DEFAULT_CONSTRAINTS;
  const fields = requireFields(given, 'constraints', [
    'maxAttempts',
    'maxLostAttempts',
    'timeoutMs',
    'expireAfterMs',
    'backoff',
    'concurrencyKey',
    'keyHold',
    'safety',
    'requiredCapabilities',
    'department',
  ]);
  const optionalMs = (name: string): number | undefined =>
    fields[name] === undefined ? undefined : requireInteger(fields[name], `constraints.${name}`, MAX_MS);
  const timeoutMs = optionalMs('timeoutMs');
  const expireAfterMs = optionalMs('expireAfterMs');
  const key = fields['concurrencyKey'];
  const capabilities = fields['requiredCapabilities'];
  if (capabilities !== undefined || fields['department'] !== undefined) throw notYet('constraints.requiredCapabilities and department');
  return {
    maxAttempts: countOf(fields['maxAttempts'], 'constraints.maxAttempts', DEFAULT_CONSTRAINTS.maxAttempts),
    maxLostAttempts: countOf(fields['maxLostAttempts'], 'constraints.maxLostAttempts', DEFAULT_CONSTRAINTS.maxLostAttempts),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(expireAfterMs === undefined ? {} : { expireAfterMs }),
    backoff: resolveBackoff(fields['backoff']),
    ...(key === undefined ? {} : { concurrencyKey: requireText(key, 'constraints.concurrencyKey', MAX_KEY_CHARS) }),
    keyHold:
      fields['keyHold'] === undefined
        ? 'holdDuringRetry'
        : requireWord(fields['keyHold'], 'constraints.keyHold', ['holdDuringRetry', 'releaseOnRetry'] as const),
    safety:
      fields['safety'] === undefined
        ? 'pure'
        : requireWord(fields['safety'], 'constraints.safety', ['pure', 'idempotent', 'transactional'] as const),
  };
}

function countOf(given: unknown, path: string, fallback: number): number {
  return given === undefined ? fallback : requireInteger(given, path, { min: 1, max: MAX_ATTEMPTS });
}

function resolveBackoff(given: unknown): Backoff {
  if (given === undefined) return DEFAULT_BACKOFF;
  const path = 'constraints.backoff';
  const kind = requireWord((given as Fields | null)?.['kind'], `${path}.kind`, ['exponential', 'linear', 'fixed'] as const);
  const known = { exponential: ['baseMs', 'maxMs', 'factor'], linear: ['stepMs', 'maxMs'], fixed: ['delayMs'] }[kind];
  const fields = requireFields(given, path, ['kind', 'jitter', ...known]);
  const ms = (name: string, min: number, fallback?: number): number =>
    fields[name] === undefined && fallback !== undefined
      ? fallback
      : requireInteger(fields[name], `${path}.${name}`, { min, max: MAX_MS.max });
  const jitter = fields['jitter'] === undefined ? 'full' : requireWord(fields['jitter'], `${path}.jitter`, ['full', 'none'] as const);
  switch (kind) {
    case 'fixed':
      return { kind, delayMs: ms('delayMs', 0), jitter };
    case 'linear':
      return { kind, stepMs: ms('stepMs', 0), maxMs: ms('maxMs', 0, 3_600_000), jitter };
    case 'exponential': {
      const factor = fields['factor'] ?? 2;
      if (typeof factor !== 'number' || !(factor >= 1 && factor <= 100)) throw invalid(`${path}.factor`, 'pass a number from 1 to 100', factor);
      return { kind, baseMs: ms('baseMs', 0, 1_000), maxMs: ms('maxMs', 0, 3_600_000), factor, jitter };
    }
  }
}

function resolveMetadata(given: unknown, limits: Limits): TaskMetadata {
  if (given === undefined) return DEFAULT_METADATA;
  const fields = requireFields(given, 'metadata', ['tags', 'priority', 'description']);
  return {
    tags: fields['tags'] === undefined ? DEFAULT_METADATA.tags : resolveTexts(fields['tags'], 'metadata.tags', limits.maxTags),
    priority: fields['priority'] === undefined ? 0 : requireInteger(fields['priority'], 'metadata.priority', INT32),
    ...(fields['description'] === undefined
      ? {}
      : { description: requireText(fields['description'], 'metadata.description', MAX_DESCRIPTION_CHARS) }),
  };
}

function resolveTexts(given: unknown, path: string, maxLength: number): readonly string[] {
  return requireList(given, path, maxLength).map((text, index) => requireText(text, `${path}[${String(index)}]`, MAX_TYPE_CHARS));
}

function resolveDependsOn(given: unknown, limits: Limits): readonly string[] {
  if (given === undefined) return NONE;
  return requireList(given, 'dependsOn', limits.maxDependsOn).map((id, index) => requireId(id, `dependsOn[${String(index)}]`));
}

function resolveBudgets(given: unknown): readonly BudgetAllocation[] {
  if (given === undefined) return NONE;
  return requireList(given, 'budgets', MAX_BUDGETS).map((item, index) => {
    const path = `budgets[${String(index)}]`;
    const fields = requireFields(item, path, ['dimension', 'limit']);
    return {
      dimension: requireText(fields['dimension'], `${path}.dimension`, 64),
      limit: requireInteger(fields['limit'], `${path}.limit`, { min: 1 }),
    };
  });
}

/** A moment in milliseconds since the Unix epoch, up to the largest that a JavaScript date can show. */
export function requireTime(value: unknown, path: string): number {
  return requireInteger(value, path, { min: 0, max: 8_640_000_000_000_000 });
}

/** An option that the format carries and this version does not act on: accepting it would break its promise. */
function notYet(path: string): PawlError {
  return new PawlError('NOT_SUPPORTED', `${path} is not acted on by this version; submit without it.`, { path });
}
