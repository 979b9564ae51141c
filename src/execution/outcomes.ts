// From what a handler did to the outcome of its attempt.
import type { Outcome } from '../decisions/attempts.js';
import { encodePayload, type PayloadLimits } from '../domain/payload.js';
import { errorRecord } from './error-record.js';
import { Suspension } from './handler-context.js';

/** The outcome of a returned value. What cannot be encoded fails the run without retry. */
export function outcomeOfValue(value: unknown, limits: PayloadLimits): Outcome {
  if (value === undefined) return { kind: 'success' };
  try {
    if (value instanceof Suspension) return { kind: 'suspended', output: value.output };
    return { kind: 'success', output: encodePayload(value, limits) };
  } catch (error) {
    return outcomeOfRefusal(error);
  }
}

/** The outcome of a thrown value. */
export function outcomeOfError(thrown: unknown): Outcome {
  return { kind: 'failure', error: errorRecord(thrown) };
}

/** The outcome of an attempt whose own result was refused for good. */
export function outcomeOfRefusal(refused: unknown): Outcome {
  return { kind: 'failure', error: { ...errorRecord(refused), retryable: false } };
}

/** The outcome of an attempt that ran out of time. */
export function timeoutOutcome(timeoutMs: number): Outcome {
  return {
    kind: 'timeout',
    error: {
      name: 'TimeoutError',
      message: `The attempt ran longer than timeoutMs ${String(timeoutMs)}.`,
      code: 'HANDLER_TIMEOUT',
      retryable: true,
    },
  };
}
