// Submissions at the door: from what a caller passed to specifications, one or many, and to the command that makes
// them durable.
import { argumentDigest } from './commands/digest.js';
import { commandOptions, flag } from './command-options.js';
import { submit, submitManyAtomic } from './decisions/tasks.js';
import { resolveSpec } from './decisions/task-spec.js';
import { requireFields, requireList } from './domain/check.js';
import { decodePayload, type Payload } from './domain/payload.js';
import type { CommandOptions, Submission, SubmitOptions } from './domain/submission.js';
import type { TaskSpec } from './domain/task.js';
import type { EngineRuntime } from './engine-runtime.js';
import { isPawlError, PawlError } from './errors.js';
import type { TaskDefinition } from './execution/define-task.js';
import type { TaskRow } from './projections/rows.js';

/** One item of `submitMany`. */
export interface SubmitItem {
  readonly task: TaskDefinition<never> | string;
  readonly input?: unknown;
  readonly options?: SubmitOptions;
}

/** What became of one item of `submitMany`. */
export type SubmitOutcome =
  { readonly ok: true; readonly submission: Submission } | { readonly ok: false; readonly error: PawlError };

/** Options of `submitMany`. */
export interface SubmitManyOptions extends CommandOptions {
  /** All in one commit, or none. Default false: as many commits as needed. */
  readonly atomic?: boolean;
}

/** An item that was checked. */
interface Resolved {
  readonly spec: TaskSpec;
  /** False when the id was made here. */
  readonly named: boolean;
  readonly command: CommandOptions;
}

/** Submits one task; see `Orchestrator.submit`. */
export async function submitOne(runtime: EngineRuntime, item: SubmitItem): Promise<Submission> {
  const resolved = resolve(runtime, item);
  const { spec, command } = resolved;
  for (
    let parent = cancelingParent(runtime, [spec]);
    parent !== undefined;
    parent = cancelingParent(runtime, [spec])
  )
    await afterCancel(runtime, submit, parent);
  const digestOf = command.commandId === undefined ? undefined : comparable(resolved);
  return await runtime.pipeline.execute(submit, { spec }, { ...command, digestOf });
}

/** Submits many tasks; see `Orchestrator.submitMany`. */
export async function submitAll(
  runtime: EngineRuntime,
  given: readonly SubmitItem[],
  options: SubmitManyOptions,
): Promise<readonly SubmitOutcome[]> {
  const command = commandOptions(options, ['atomic']);
  const items = requireItems(given, runtime.limits.maxSubmitMany);
  if (flag(options.atomic, 'options.atomic')) return await submitAtomic(runtime, items, command);
  return await Promise.all(
    items.map(async (item, index): Promise<SubmitOutcome> => {
      try {
        return { ok: true, submission: await submitOne(runtime, withCommand(item, index, command)) };
      } catch (error) {
        return { ok: false, error: asPawlError(error) };
      }
    }),
  );
}

async function submitAtomic(
  runtime: EngineRuntime,
  items: readonly SubmitItem[],
  command: CommandOptions,
): Promise<readonly SubmitOutcome[]> {
  const resolved = items.map((item) => resolve(runtime, item));
  const specs = resolved.map(({ spec }) => spec);
  for (
    let parent = cancelingParent(runtime, specs);
    parent !== undefined;
    parent = cancelingParent(runtime, specs)
  )
    await afterCancel(runtime, submitManyAtomic, parent);
  const args = { specs, named: resolved.map(({ named }) => named) };
  const digestOf = command.commandId === undefined ? undefined : resolved.map(comparable);
  const done = await runtime.pipeline.execute(submitManyAtomic, args, { ...command, digestOf });
  return done.map((submission) => ({ ok: true, submission }));
}

function requireItems(given: unknown, max: number): readonly SubmitItem[] {
  const items = requireList(given, 'items', Number.MAX_SAFE_INTEGER);
  if (items.length > max) {
    throw new PawlError(
      'LIMIT_EXCEEDED',
      `submitMany got ${String(items.length)} items, more than maxSubmitMany ${String(max)}; split them.`,
      { limit: 'maxSubmitMany', max },
    );
  }
  return items as readonly SubmitItem[];
}

/** Items of a submission that is not atomic are commands of their own: each gets what was said for all. */
function withCommand(item: SubmitItem, index: number, { commandId, ...rest }: CommandOptions): SubmitItem {
  const none = commandId === undefined && Object.keys(rest).length === 0;
  // What is no item, or has no options that can be read, is refused as it is when its turn comes.
  if (none || !isRecord(item) || (item.options !== undefined && !isRecord(item.options))) return item;
  const own = commandId === undefined ? {} : { commandId: argumentDigest([commandId, index]) };
  return { ...item, options: { ...rest, ...own, ...item.options } };
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function resolve(runtime: EngineRuntime, item: SubmitItem): Resolved {
  requireFields(item, 'item', ['task', 'input', 'options']);
  const { limits, ids, handlers } = runtime.parts;
  const { task, input, options = {} } = item;
  const type: unknown = typeof task === 'object' ? (task as { type?: unknown } | null)?.type : task;
  const spec = resolveSpec({ type, input, options }, limits, () => ids.nextId());
  const { commandId, by, trace } = options;
  const command = commandOptions({ commandId, by, trace });
  if (flag(options.requireHandler, 'options.requireHandler') && !handlers.has(spec.type)) {
    throw new PawlError(
      'UNKNOWN_TASK_TYPE',
      `No handler for the type ${spec.type} is known here; pass its definition to openOrchestrator.`,
      { taskId: spec.id, type: spec.type },
    );
  }
  return { spec, named: options.id !== undefined, command };
}

/**
 * A parent whose cancellation is just being decided: its children are judged when that is. Nothing may come between the
 * last look and the decision on the submission.
 */
function cancelingParent(
  { state, scheduler }: EngineRuntime,
  specs: readonly TaskSpec[],
): TaskRow | undefined {
  for (const { parentId } of specs) {
    const parent = parentId === undefined ? undefined : state.tasks.row(parentId);
    if (parent !== undefined && scheduler.isCanceling(parent)) return parent;
  }
  return undefined;
}

function afterCancel(
  { pipeline, scheduler }: EngineRuntime,
  command: typeof submit | typeof submitManyAtomic,
  parent: TaskRow,
): Promise<void> {
  return pipeline.before(command, () => scheduler.afterCancel(parent));
}

/** What a repeated submission is compared by: the specification, but for an id that was made for it. */
function comparable({ spec, named }: Resolved): unknown {
  return { ...spec, id: named ? spec.id : '', input: comparableValue(spec.input) };
}

/** A JSON value as itself, so that the order of its keys does not matter; bytes as they are, and told apart. */
function comparableValue(payload: Payload | undefined): unknown {
  if (payload === undefined) return '';
  return payload.startsWith('j') ? [decodePayload(payload)] : payload;
}

function asPawlError(error: unknown): PawlError {
  return isPawlError(error) ? error : new PawlError('INTERNAL', String(error), {}, error);
}
