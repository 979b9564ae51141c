// A log that is kept in memory: for tests and for whoever wants an engine without a disk. It keeps the encoded
// bytes and survives the closing of a journal, so a restart can be played; tests can hold and fail its "fsync".
import { PawlError } from '../errors.js';
import { CommitDecoder, type CommitFrame } from './commit-codec.js';
import { FRAME_HEADER_BYTES } from './frame.js';
import type {
  BackendOpenRequest,
  EncodedBatch,
  JournalBackend,
  LogConsumer,
  LogReach,
  OpenedLog,
} from './journal-backend.js';
import { MemorySnapshots } from './snapshot-store-memory.js';

interface KeptCommit {
  readonly bytes: Buffer;
  readonly firstSequence: number;
  readonly count: number;
}

/** Commits handed out at a time. */
const READ_COMMITS = 512;

/** A log in memory. Open one journal on it at a time. */
export class MemoryBackend implements JournalBackend {
  readonly snapshots = new MemorySnapshots();
  /** Batches made durable so far: what a disk would have fsynced. */
  syncs = 0;
  private readonly kept: KeptCommit[] = [];
  private epoch = 0;
  private locked = false;
  private gate: Promise<void> | undefined;
  private failure: { readonly error: PawlError; readonly keep: boolean } | undefined;

  async open({ load }: BackendOpenRequest): Promise<OpenedLog> {
    if (this.locked)
      throw new PawlError('DATA_DIR_LOCKED', 'A journal is open on this memory; close it first.', {});
    this.locked = true;
    try {
      if (load !== undefined) await this.handOver(load);
    } catch (error) {
      this.locked = false;
      throw error;
    }
    this.epoch++;
    return { epoch: this.epoch, ...this.reach(), lastAt: this.lastAt() };
  }

  async append(batch: EncodedBatch): Promise<void> {
    const commits = copyCommits(batch);
    if (this.gate !== undefined) await this.gate;
    const failure = this.failure;
    this.failure = undefined;
    if (failure === undefined || failure.keep) this.kept.push(...commits);
    if (failure !== undefined) throw failure.error;
    this.syncs++;
  }

  async *read(from: number, to: number): AsyncGenerator<readonly CommitFrame[], void, undefined> {
    const first = this.kept[0]?.firstSequence ?? 0;
    if (from < first && to >= from) {
      throw new PawlError('HISTORY_GONE', `Events before ${String(first)} are not kept; read from there.`, {
        firstAvailable: first,
      });
    }
    let index = this.indexOf(from);
    while (index < this.kept.length) {
      const frames: CommitFrame[] = [];
      for (; index < this.kept.length && frames.length < READ_COMMITS; index++) {
        const commit = this.kept[index];
        if (commit === undefined || commit.firstSequence > to) break;
        const { bytes, firstSequence, count } = commit;
        frames.push({ bytes, from: 0, end: bytes.length, firstSequence, count });
      }
      if (frames.length === 0) return;
      yield await Promise.resolve(frames);
    }
  }

  close(): Promise<void> {
    this.locked = false;
    return Promise.resolve();
  }

  /** Test hook: lets go of the log without closing, as a crash would. */
  crash(): void {
    this.locked = false;
  }

  /** Test hook: appends wait, as on a slow disk, until the returned function is called. */
  holdSync(): () => void {
    const held: (() => void)[] = [];
    const gate = new Promise<void>((resolve) => held.push(resolve));
    this.gate = gate;
    return () => {
      if (this.gate === gate) this.gate = undefined;
      for (const release of held) release();
    };
  }

  /** Test hook: the next append fails with `error`; `keep`: its commits are in the log all the same. */
  failNext(error: PawlError, { keep = false }: { readonly keep?: boolean } = {}): void {
    this.failure = { error, keep };
  }

  private async handOver(load: LogConsumer): Promise<void> {
    const from = await load.from();
    const reach = this.reach();
    // What lies before the first kept commit was never here: whether that will do is for `end` to say.
    for await (const frames of this.read(Math.max(from, reach.firstSequence), reach.lastSequence))
      load.apply(frames);
    load.end(reach);
  }

  private reach(): LogReach {
    const last = this.kept[this.kept.length - 1];
    const lastSequence = last === undefined ? 0 : last.firstSequence + last.count - 1;
    return {
      firstSequence: this.kept[0]?.firstSequence ?? 0,
      lastSequence,
      knownSequence: lastSequence,
    };
  }

  private lastAt(): number {
    const last = this.kept[this.kept.length - 1];
    if (last === undefined) return 0;
    const { bytes, firstSequence, count } = last;
    return new CommitDecoder().decode({ bytes, from: 0, end: bytes.length, firstSequence, count }).header.at;
  }

  /** Place of the commit that holds `sequence`, or the first after it. */
  private indexOf(sequence: number): number {
    let low = 0;
    let high = this.kept.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const commit = this.kept[middle];
      if (commit !== undefined && commit.firstSequence + commit.count <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function copyCommits(batch: EncodedBatch): KeptCommit[] {
  const commits: KeptCommit[] = [];
  let firstSequence = batch.firstSequence;
  for (let index = 0; index < batch.size; index++) {
    const end = index + 1 < batch.size ? batch.startOf(index + 1) : batch.end;
    const count = batch.eventsOf(index);
    commits.push({
      bytes: Buffer.from(batch.bytes.subarray(batch.startOf(index) + FRAME_HEADER_BYTES, end)),
      firstSequence,
      count,
    });
    firstSequence += count;
  }
  return commits;
}
