// A task definition: a type, and the handler that executes its runs in this process.
import type { HandlerContext } from './handler-context.js';

/** Executes one attempt. What it returns is the run's output; what it throws fails the attempt. */
export type Handler<I, O> = (context: HandlerContext, input: I) => O | Promise<O>;

/** A task type with its handler. */
export interface TaskDefinition<I = unknown, O = unknown> {
  readonly type: string;
  readonly handler: Handler<I, O>;
}

/** A definition of whatever input and output. */
export type AnyTaskDefinition = TaskDefinition<never>;

/**
 * Names a task type and the handler that executes its runs.
 *
 * @param type 1–128 characters; unique among the definitions given to one orchestrator (`DUPLICATE_TASK_TYPE`).
 * @param handler Called once for each attempt, after the attempt's start is durable.
 */
export function defineTask<I = undefined, O = void>(
  type: string,
  handler: Handler<I, O>,
): TaskDefinition<I, O> {
  return Object.freeze({ type, handler });
}
