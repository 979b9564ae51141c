// What the heap holds, buffers included.

const MIB = 2 ** 20;

/** Bytes in use right now, garbage included. */
export function heapBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The same in MiB. */
export function heapMiB(): number {
  return heapBytes() / MIB;
}

/** Bytes in use after full collections; needs `--expose-gc`. */
export function settledHeapBytes(): number {
  if (globalThis.gc === undefined)
    throw new Error('Run with --expose-gc: without a collection the heap says nothing.');
  for (let round = 0; round < 3; round++) globalThis.gc();
  return heapBytes();
}

/** The same in MiB. */
export function settledHeapMiB(): number {
  return settledHeapBytes() / MIB;
}
