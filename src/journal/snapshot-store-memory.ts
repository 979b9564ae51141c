// Snapshots in memory, beside a log in memory: they survive the closing of a journal, so a restart can be played.
import { PawlError } from '../errors.js';
import type { SnapshotEntry, SnapshotInput, SnapshotOutput, SnapshotStore } from './snapshot-store-port.js';

/** Keeps snapshots in memory. */
export class MemorySnapshots implements SnapshotStore {
  readonly rejected = new Set<string>();
  readonly verified = new Set<string>();
  /** The bytes of each snapshot, by sequence; a test may damage them. */
  // Declared, not inferred: the inferred type has parameters of Buffer that TypeScript before 5.7 does not know.
  readonly kept: Map<number, Buffer>;

  constructor() {
    this.kept = new Map();
  }

  async list(): Promise<readonly SnapshotEntry[]> {
    const sequences = [...this.kept.keys()].sort((left, right) => right - left);
    return sequences.map((sequence) => ({ sequence, path: pathOf(sequence) }));
  }

  async read(entry: SnapshotEntry): Promise<SnapshotInput> {
    const bytes = this.kept.get(entry.sequence);
    if (bytes === undefined)
      throw new PawlError('STORAGE_FAILED', `${entry.path} is gone.`, { path: entry.path });
    return inputOf(entry.path, bytes);
  }

  async write(sequence: number): Promise<SnapshotOutput> {
    return new MemoryOutput(pathOf(sequence), (bytes) => {
      this.kept.set(sequence, bytes);
    });
  }

  async remove(entry: SnapshotEntry): Promise<void> {
    this.kept.delete(entry.sequence);
  }

  async namesInDoubt(): Promise<undefined> {
    // Nor are there names that could be lost.
    return undefined;
  }

  async tidy(): Promise<void> {
    // Nothing is left behind in memory.
  }
}

class MemoryOutput implements SnapshotOutput {
  #chunks: Buffer[] = [];

  constructor(
    readonly path: string,
    private readonly keep: (bytes: Buffer) => void,
  ) {}

  async append(bytes: Buffer): Promise<void> {
    this.#chunks.push(Buffer.from(bytes));
  }

  async restart(): Promise<void> {
    this.#chunks = [];
  }

  async sync(): Promise<void> {
    // Memory is as durable as it gets.
  }

  async readBack(): Promise<SnapshotInput> {
    return inputOf(this.path, Buffer.concat(this.#chunks));
  }

  async publish(): Promise<void> {
    this.keep(Buffer.concat(this.#chunks));
  }

  async abandon(): Promise<void> {
    this.#chunks = [];
  }
}

function inputOf(path: string, bytes: Buffer): SnapshotInput {
  return {
    path,
    read: async (into, from, position) => bytes.copy(into, from, Math.min(position, bytes.length)),
    close: async () => undefined,
  };
}

function pathOf(sequence: number): string {
  return `memory:${String(sequence)}.snapshot`;
}
