// Sorts rows by a sequence number: a snapshot gives them by shard, the lists want them in order. Each row is looked
// at once; numbers alone are compared, because a comparing sort of a million rows would be a fifth of the time a
// start may take.

/** Rows from which packing the numbers pays. */
const MANY_ROWS = 1_000;

/** The rows by ascending `sequenceOf` (integers ≥ 0); rows with the same one keep their order. */
export function sortBySequence<R>(rows: readonly R[], sequenceOf: (row: R) => number): readonly R[] {
  const count = rows.length;
  // A number of its own for each row: its sequence, then its place.
  const keys = new Float64Array(count);
  let last = -1;
  let sorted = true;
  let highest = 0;
  for (let place = 0; place < count; place++) {
    const row = rows[place];
    const sequence = row === undefined ? 0 : sequenceOf(row);
    if (sequence < last) sorted = false;
    if (sequence > highest) highest = sequence;
    keys[place] = sequence * count + place;
    last = sequence;
  }
  if (sorted) return rows;
  if (count < MANY_ROWS || !Number.isSafeInteger((highest + 1) * count)) {
    return [...rows].sort((left, right) => sequenceOf(left) - sequenceOf(right));
  }
  keys.sort();
  const inOrder = new Array<R>(count);
  for (let index = 0; index < count; index++) inOrder[index] = rows[(keys[index] ?? 0) % count] as R;
  return inOrder;
}
