// Ids as bytes in a buffer, compared four at a time: a start compares hundreds of thousands of them with code that is
// not compiled yet, where each step of a loop counts. They are ASCII, so four bytes are a small integer that is not
// negative, and their order is that of the texts.

/** Bytes of an id in a buffer. */
export interface IdBytes {
  bytes: DataView;
  from: number;
  length: number;
}

/** Bytes that are none. */
export const NO_BYTES = new DataView(new ArrayBuffer(0));

/** A place for an id. */
export function noId(): IdBytes {
  return { bytes: NO_BYTES, from: 0, length: 0 };
}

/** A view of the bytes of a buffer, at the same positions. */
export function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** Less than 0 when the first of two ids comes before the second, 0 when they are the same. */
export function compareIds(left: IdBytes, right: IdBytes): number {
  const { bytes, from } = left;
  const others = right.bytes;
  const away = right.from - from;
  const end = from + Math.min(left.length, right.length);
  let at = from;
  for (; at + 4 <= end; at += 4) {
    const difference = bytes.getInt32(at) - others.getInt32(at + away);
    if (difference !== 0) return difference;
  }
  for (; at < end; at++) {
    const difference = bytes.getUint8(at) - others.getUint8(at + away);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** The same of an id and a text. */
export function compareWithText(found: IdBytes, id: string): number {
  const length = Math.min(found.length, id.length);
  for (let at = 0; at < length; at++) {
    const difference = found.bytes.getUint8(found.from + at) - id.charCodeAt(at);
    if (difference !== 0) return difference;
  }
  return found.length - id.length;
}
