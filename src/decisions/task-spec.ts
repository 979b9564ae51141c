// From what a caller passed to a durable specification: every rule of contract §3.1–3.3 is checked here and
// every default filled in, before any state is looked at. Times stay as they were passed.
import { invalid, requireFields, requireInteger, requireList, requireText } from '../domain/check.js';
import { requireId } from '../domain/ids.js';
import type { Limits } from '../domain/limits.js';
import { canonicalJson, encodePayload, payloadsEqual, type Payload } from '../domain/payload.js';
import type { SubmitOptions } from '../domain/submission.js';
import {
  DEFAULT_CONSTRAINTS,
  DEFAULT_METADATA,
  DEFAULT_POLICY,
  NONE,
  type BudgetAllocation,
  type Constraints,
  type Policy,
  type TaskMetadata,
  type TaskSpec,
} from '../domain/task.js';
import { resolveConstraints } from './constraints-input.js';
import { notYet } from './not-yet.js';
import { resolvePolicy } from './policy-input.js';

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
const MAX_TYPE_CHARS = 128;
const MAX_KEY_CHARS = 256;
const MAX_DESCRIPTION_BYTES = 4_096;
const MAX_BUDGETS = 64;
const INT32 = { min: -2_147_483_648, max: 2_147_483_647 };

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
  const options = requireFields(submission.options, 'options', OPTION_FIELDS) as SubmitOptions;
  const type = requireText(submission.type, 'type', MAX_TYPE_CHARS);
  const input = submission.input === undefined ? undefined : encodePayload(submission.input, limits);
  if (Object.keys(options).length === 0) {
    return specOf({
      id: newId(),
      type,
      input,
      policy: DEFAULT_POLICY,
      constraints: DEFAULT_CONSTRAINTS,
      metadata: DEFAULT_METADATA,
    });
  }
  const id = options.id === undefined ? newId() : requireId(options.id, 'id');
  const dependsOn = resolveDependsOn(options.dependsOn, limits);
  const budgets = resolveBudgets(options.budgets);
  if (dependsOn.length > 0) throw notYet('dependsOn');
  if (budgets.length > 0) throw notYet('budgets');
  return specOf({
    id,
    type,
    input,
    contentType:
      options.contentType === undefined
        ? undefined
        : requireText(options.contentType, 'contentType', MAX_KEY_CHARS),
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

function resolveMetadata(given: unknown, limits: Limits): TaskMetadata {
  if (given === undefined) return DEFAULT_METADATA;
  const fields = requireFields(given, 'metadata', ['tags', 'priority', 'description']);
  return {
    tags:
      fields['tags'] === undefined
        ? DEFAULT_METADATA.tags
        : resolveTexts(fields['tags'], 'metadata.tags', limits.maxTags),
    priority:
      fields['priority'] === undefined ? 0 : requireInteger(fields['priority'], 'metadata.priority', INT32),
    ...(fields['description'] === undefined
      ? {}
      : { description: requireDescription(fields['description']) }),
  };
}

function requireDescription(given: unknown): string {
  const fits = typeof given === 'string' && Buffer.byteLength(given, 'utf8') <= MAX_DESCRIPTION_BYTES;
  if (fits && given.isWellFormed()) return given;
  throw invalid(
    'metadata.description',
    `pass a string of at most ${String(MAX_DESCRIPTION_BYTES)} bytes`,
    given,
  );
}

function resolveTexts(given: unknown, path: string, maxLength: number): readonly string[] {
  return requireList(given, path, maxLength).map((text, index) =>
    requireText(text, `${path}[${String(index)}]`, MAX_TYPE_CHARS),
  );
}

function resolveDependsOn(given: unknown, limits: Limits): readonly string[] {
  if (given === undefined) return NONE;
  return requireList(given, 'dependsOn', limits.maxDependsOn).map((id, index) =>
    requireId(id, `dependsOn[${String(index)}]`),
  );
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
