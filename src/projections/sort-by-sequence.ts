// Sorts rows by a sequence number in linear time: a snapshot gives them by shard, the lists want them in order,
// and a comparing sort of a million rows would be a fifth of the time a start may take.

const DIGIT_BITS = 16;
const DIGITS = 1 << DIGIT_BITS;

/** The rows by ascending `sequenceOf` (integers ≥ 0); rows with the same one keep their order. */
export function sortBySequence<R>(rows: readonly R[], sequenceOf: (row: R) => number): R[] {
  let sorted = [...rows];
  if (isSorted(sorted, sequenceOf)) return sorted;
  if (sorted.length < 1_000) return sorted.sort((left, right) => sequenceOf(left) - sequenceOf(right));
  const highest = sorted.reduce((max, row) => Math.max(max, sequenceOf(row)), 0);
  for (let divisor = 1; divisor <= highest; divisor *= DIGITS) {
    sorted = sortByDigit(sorted, (row) => Math.floor(sequenceOf(row) / divisor) % DIGITS);
  }
  return sorted;
}

function isSorted<R>(rows: readonly R[], sequenceOf: (row: R) => number): boolean {
  let last = -1;
  for (const row of rows) {
    const sequence = sequenceOf(row);
    if (sequence < last) return false;
    last = sequence;
  }
  return true;
}

function sortByDigit<R>(rows: readonly R[], digitOf: (row: R) => number): R[] {
  const next = new Uint32Array(DIGITS);
  for (const row of rows) {
    const digit = digitOf(row);
    next[digit] = (next[digit] ?? 0) + 1;
  }
  let start = 0;
  for (let digit = 0; digit < DIGITS; digit++) {
    const count = next[digit] ?? 0;
    next[digit] = start;
    start += count;
  }
  const sorted = new Array<R>(rows.length);
  for (const row of rows) {
    const digit = digitOf(row);
    const place = next[digit] ?? 0;
    sorted[place] = row;
    next[digit] = place + 1;
  }
  return sorted;
}
