// The before-images of a snapshot that is being written: encoded as the rows they will be, in chunks that are no
// garbage, and counted in bytes. When they become too many, all are dropped and the snapshot is given up: keeping
// them never throws, for it happens while a commit is applied.
import type { ImageKeeper, KeptImage, SectionName, SectionRecords } from '../domain/snapshot-records.js';
import { PawlError, isPawlError } from '../errors.js';
import { RecordReader } from './record-reader.js';
import { RecordWriter } from './record-writer.js';
import { SECTION_CODECS } from './snapshot-codec.js';

/** Bytes of the first chunk and of the largest; each is twice the one before. */
const FIRST_CHUNK_BYTES = 16_384;
const CHUNK_BYTES = 1_048_576;
const INITIAL_BYTES = 4_096;
/** What an image costs beside its bytes: its object and its entry in a map, about. */
const IMAGE_BYTES = 128;

/** Keeps before-images. */
export class SnapshotImages implements ImageKeeper {
  readonly #maxBytes: number;
  readonly #onRefused: () => void;
  readonly #out = new RecordWriter(INITIAL_BYTES);
  readonly #reader = new RecordReader();
  #chunk = Buffer.alloc(0);
  #used = 0;
  #bytes = 0;
  #refusal: PawlError | undefined;

  /** `onRefused` is called once, when nothing is kept any more. */
  constructor(maxBytes: number, onRefused: () => void) {
    this.#maxBytes = maxBytes;
    this.#onRefused = onRefused;
  }

  /** Bytes of memory that the images have taken so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Throws why images are missing, when any is. */
  assertComplete(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  keep<N extends SectionName>(section: N, record: SectionRecords[N]): KeptImage<SectionRecords[N]> {
    if (this.#refusal === undefined) {
      try {
        return this.#encoded(section, record);
      } catch (error) {
        this.#refuse(error);
      }
    }
    // Nobody reads on after a refusal; the record is as good as any other answer.
    return { read: () => record };
  }

  #encoded<N extends SectionName>(section: N, record: SectionRecords[N]): KeptImage<SectionRecords[N]> {
    const out = this.#out;
    out.position = 0;
    SECTION_CODECS[section].write(out, record);
    const size = out.position;
    this.#bytes += size + IMAGE_BYTES;
    if (this.#bytes > this.#maxBytes) throw tooMuchChanged(this.#bytes, this.#maxBytes);
    if (this.#chunk.length - this.#used < size) {
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(this.#chunkBytes(), size));
      this.#used = 0;
    }
    const from = this.#used;
    out.bytes.copy(this.#chunk, from, 0, size);
    this.#used += size;
    return new EncodedImage(section, this.#reader, this.#chunk, from, this.#used);
  }

  #chunkBytes(): number {
    return Math.min(CHUNK_BYTES, Math.max(FIRST_CHUNK_BYTES, 2 * this.#chunk.length));
  }

  #refuse(error: unknown): void {
    this.#refusal = isPawlError(error) ? error : cannotBeKept(error);
    this.#chunk = Buffer.alloc(0);
    this.#onRefused();
  }
}

class EncodedImage<N extends SectionName> implements KeptImage<SectionRecords[N]> {
  constructor(
    private readonly section: N,
    private readonly reader: RecordReader,
    private readonly chunk: Buffer,
    private readonly from: number,
    private readonly end: number,
  ) {}

  read(): SectionRecords[N] {
    this.reader.reset(this.chunk, this.from, this.end);
    return SECTION_CODECS[this.section].read(this.reader);
  }
}

function cannotBeKept(error: unknown): PawlError {
  return new PawlError(
    'INTERNAL',
    'What changed while the snapshot was being written cannot be encoded; the snapshot is given up.',
    {},
    error,
  );
}

function tooMuchChanged(bytes: number, max: number): PawlError {
  return new PawlError(
    'LIMIT_EXCEEDED',
    `What changed while the snapshot was being written takes ${String(bytes)} bytes, more than snapshotBeforeImageBytes ${String(max)}; it is given up and tried again later. Raise the limit if it happens again.`,
    { limit: 'snapshotBeforeImageBytes', max },
  );
}
