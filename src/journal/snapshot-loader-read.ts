// Reads the bytes of a snapshot in chunks and hands its records to a sink. While one chunk is taken apart the next is
// read. The first chunk is small, for most snapshots are; a buffer that the sink goes on using is not used again.
import { SnapshotDecoder } from './snapshot-loader-decoder.js';
import type { SnapshotSink } from './snapshot-model.js';
import { SnapshotSlices } from './snapshot-slices.js';
import type { SnapshotInput } from './snapshot-store-port.js';

const FIRST_BYTES = 32_768;
/** Bytes read at a time at a start. */
const CHUNK_BYTES = 1_048_576;
/** The same when only frames and digest are checked, beside other work: one slice of the event loop. */
const SLICE_BYTES = 262_144;
/** Room in front of a chunk for the part of a frame that the chunk before ended with; more than that is put together anew. */
const ROOM_BYTES = 131_072;

/** Bytes of the file: `buffer[from, end)`. */
interface Chunk {
  readonly buffer: Buffer;
  readonly from: number;
  readonly end: number;
}

/**
 * Reads a snapshot to its end and returns its digest. Without a sink only frames and digest are checked.
 * What the sink was given is to be trusted only when this resolves. Each chunk is one of `slices`. Errors: `SNAPSHOT_CORRUPT`, `UNSUPPORTED_FORMAT`,
 * and what the sink throws.
 */
export async function readSnapshot(
  input: SnapshotInput,
  sink?: SnapshotSink,
  slices = new SnapshotSlices(),
): Promise<Buffer> {
  const decoder = new SnapshotDecoder(input.path, sink);
  const chunkBytes = sink === undefined ? SLICE_BYTES : CHUNK_BYTES;
  let position = 0;
  let rest: Chunk = { buffer: Buffer.alloc(0), from: 0, end: 0 };
  let next = readChunk(input, position, Buffer.allocUnsafeSlow(ROOM_BYTES + FIRST_BYTES));
  try {
    for (;;) {
      const read = await slices.during(next);
      if (read.end === read.from) return decoder.finish(rest.end - rest.from);
      position += read.end - read.from;
      const chunk = joined(rest, read);
      const room = ROOM_BYTES + (read.end === read.buffer.length ? chunkBytes : FIRST_BYTES);
      const used = rest.buffer;
      const isFree = used.length === room && !decoder.keeps(used);
      next = readChunk(input, position, isFree ? used : Buffer.allocUnsafeSlow(room));
      // Its failure is told where it is waited for.
      next.catch(() => undefined);
      rest = { ...chunk, from: chunk.from + decoder.feed(chunk.buffer, chunk.from, chunk.end) };
    }
  } finally {
    // Whoever closes the file does so when nothing is read from it any more.
    await next.catch(() => undefined);
  }
}

async function readChunk(input: SnapshotInput, position: number, buffer: Buffer): Promise<Chunk> {
  const count = await input.read(buffer, ROOM_BYTES, position);
  return { buffer, from: ROOM_BYTES, end: ROOM_BYTES + count };
}

/** The rest of one chunk and the chunk behind it, as one. */
function joined(rest: Chunk, chunk: Chunk): Chunk {
  const left = rest.end - rest.from;
  if (left <= chunk.from) {
    rest.buffer.copy(chunk.buffer, chunk.from - left, rest.from, rest.end);
    return { ...chunk, from: chunk.from - left };
  }
  const buffer = Buffer.allocUnsafeSlow(left + chunk.end - chunk.from);
  rest.buffer.copy(buffer, 0, rest.from, rest.end);
  chunk.buffer.copy(buffer, left, chunk.from, chunk.end);
  return { buffer, from: 0, end: buffer.length };
}
