// Reads the bytes of a snapshot in chunks and hands its records to a sink. The first chunk is small, for most snapshots
// are; a frame larger than a chunk makes the buffer grow once.
import { SnapshotDecoder } from './snapshot-loader-decoder.js';
import type { SnapshotSink } from './snapshot-model.js';
import type { SnapshotInput } from './snapshot-store-port.js';

const FIRST_BYTES = 32_768;
/** Bytes read at a time at a start. */
const CHUNK_BYTES = 1_048_576;
/** The same when only frames and digest are checked, beside other work: one slice of the event loop. */
const SLICE_BYTES = 262_144;

/**
 * Reads a snapshot to its end and returns its digest. Without a sink only frames and digest are checked.
 * What the sink was given is to be trusted only when this resolves. Errors: `SNAPSHOT_CORRUPT`, `UNSUPPORTED_FORMAT`,
 * and what the sink throws.
 */
export async function readSnapshot(input: SnapshotInput, sink?: SnapshotSink): Promise<Buffer> {
  const decoder = new SnapshotDecoder(input.path, sink);
  const chunkBytes = sink === undefined ? SLICE_BYTES : CHUNK_BYTES;
  let buffer = Buffer.allocUnsafe(FIRST_BYTES);
  let filled = 0;
  let position = 0;
  for (;;) {
    const count = await input.read(buffer, filled, position);
    if (count === 0) return decoder.finish(filled);
    position += count;
    filled += count;
    const isLong = filled === buffer.length;
    const used = decoder.feed(buffer, filled);
    filled -= used;
    const wanted = Math.max(decoder.neededBytes, isLong ? chunkBytes : 0);
    const roomy = wanted > buffer.length ? Buffer.allocUnsafe(wanted) : buffer;
    buffer.copy(roomy, 0, used, used + filled);
    buffer = roomy;
  }
}
