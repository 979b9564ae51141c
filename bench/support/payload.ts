// The input that every job of every bench and of every peer has: an object whose JSON text is 200 bytes long.

/** Bytes of the JSON text. */
export const PAYLOAD_BYTES = 200;

/** An input; `index` keeps each different. */
export interface JobInput {
  readonly index: number;
  readonly to: string;
  readonly note: string;
}

const EMPTY_BYTES = JSON.stringify({ index: 10_000_000, to: 'someone@example.org', note: '' }).length;
const NOTE = 'n'.repeat(PAYLOAD_BYTES - EMPTY_BYTES);

/** The input of a job. */
export function jobInput(index: number): JobInput {
  return { index: 10_000_000 + index, to: 'someone@example.org', note: NOTE };
}

/** Inputs `from` … `from + count − 1`. */
export function jobInputs(count: number, from = 0): JobInput[] {
  return Array.from({ length: count }, (_, index) => jobInput(from + index));
}
