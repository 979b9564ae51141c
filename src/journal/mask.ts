// Makes an all-zero piece of a frame impossible, so that one that is found proves that a sector was never
// written. A piece is what a frame has between two multiples of 512 of the file's offsets.

/** Bytes that a disk writes together. */
export const PIECE_BYTES = 512;
/** Number of generator sequences; the first changes nothing. */
export const MASKS = 256;

/** Where the bytes `[from, end)` lie: `fileOffset` is the offset of `bytes[from]` in its file. */
export interface PlacedRange {
  readonly bytes: Buffer;
  readonly from: number;
  readonly end: number;
  readonly fileOffset: number;
}

/** True when some piece of the range is all zero. An empty range has no piece. */
export function hasZeroPiece({ bytes, from, end, fileOffset }: PlacedRange): boolean {
  let start = from;
  let room = PIECE_BYTES - (fileOffset % PIECE_BYTES);
  while (start < end) {
    const pieceEnd = Math.min(end, start + room);
    let at = start;
    while (at < pieceEnd && bytes[at] === 0) at++;
    if (at === pieceEnd) return true;
    start = pieceEnd;
    room = PIECE_BYTES;
  }
  return false;
}

/** XORs generator sequence `mask` over `bytes[from, end)`: applies it, and takes it off again. */
export function applyMask(bytes: Buffer, from: number, end: number, mask: number): void {
  if (mask === 0) return;
  let state = Math.imul(mask, 0x9e3779b1) >>> 0;
  let at = from;
  // Four bytes a number; a store into a buffer keeps the lowest eight bits.
  for (const whole = end - ((end - from) % 4); at < whole; at += 4) {
    state = following(state);
    bytes[at] = (bytes[at] as number) ^ state;
    bytes[at + 1] = (bytes[at + 1] as number) ^ (state >>> 8);
    bytes[at + 2] = (bytes[at + 2] as number) ^ (state >>> 16);
    bytes[at + 3] = (bytes[at + 3] as number) ^ (state >>> 24);
  }
  for (state = following(state); at < end; at++, state >>>= 8) bytes[at] = (bytes[at] as number) ^ state;
}

/** The next number of a generator sequence. */
function following(state: number): number {
  let next = state ^ (state << 13);
  next ^= next >>> 17;
  return next ^ (next << 5);
}

/**
 * Masks the payload with the lowest sequence that leaves no piece of the frame all zero and returns its number,
 * or −1 when none does; the payload is then as it was. `frame` begins with a header whose first byte is not zero.
 */
export function maskPayload(frame: PlacedRange, headerBytes: number): number {
  const payloadFrom = frame.from + headerBytes;
  if (!payloadHasZeroPiece(frame, headerBytes)) return 0;
  for (let mask = 1; mask < MASKS; mask++) {
    applyMask(frame.bytes, payloadFrom, frame.end, mask);
    if (!payloadHasZeroPiece(frame, headerBytes)) return mask;
    applyMask(frame.bytes, payloadFrom, frame.end, mask);
  }
  return -1;
}

/**
 * The pieces as the payload alone decides them: the header is not yet filled, so its bytes count as zero, except in
 * the first piece, which holds the magic.
 */
function payloadHasZeroPiece(frame: PlacedRange, headerBytes: number): boolean {
  const { bytes, from, end, fileOffset } = frame;
  const firstPieceEnd = from + PIECE_BYTES - (fileOffset % PIECE_BYTES);
  const start = Math.max(from + headerBytes, Math.min(firstPieceEnd, end));
  return hasZeroPiece({ bytes, from: start, end, fileOffset: fileOffset + (start - from) });
}
