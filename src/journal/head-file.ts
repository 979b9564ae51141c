// What is known to be durable, kept outside the log: two slots written in turn, so that one is always whole. It is
// written lazily, after the log itself, and read at open, so that a log that lost its end does not pass for a shorter one.
import { crc32 } from './crc.js';
import { getU64, putU64 } from './frame.js';
import type { Storage, StorageFile } from './storage.js';
import { guarded } from './storage-errors.js';

/** One slot. */
export interface Head {
  readonly epoch: number;
  readonly generation: number;
  readonly durableSequence: number;
  /** First sequence of the newest segment. */
  readonly segment: number;
  readonly batch: number;
  readonly logId: string;
}

const MAGIC = 0x01485750;
const SLOT_BYTES = 512;
const CRC_OFFSET = 72;
const LOG_ID_BYTES = 36;

/** The newest whole slot; undefined when there is none. */
export async function readHead(storage: Storage, path: string): Promise<Head | undefined> {
  const slots = await readSlotsAt(storage, path);
  return slots.sort((a, b) => b.generation - a.generation)[0];
}

/** The highest epoch of a whole slot: that of the last writer, whatever another one writes beside it; 0 when there is none. */
export async function readHeadEpoch(storage: Storage, path: string): Promise<number> {
  return highestEpoch(await readSlotsAt(storage, path));
}

/** Another writer wrote `head` after this one opened the log. */
export class HeadTakenOver extends Error {
  constructor(readonly epoch: number) {
    super(`head has epoch ${String(epoch)}`);
  }
}

/** Writes slots in turn; one call at a time. */
export class HeadWriter {
  private file: StorageFile | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly paths: { readonly root: string; readonly head: string },
    private generation: number,
  ) {}

  /** Errors: those of the storage; `HeadTakenOver`, and then nothing was written. */
  async write(head: Omit<Head, 'generation'>): Promise<void> {
    const { storage, paths } = this;
    if (this.file === undefined) {
      this.file = await storage.open(paths.head, 'create');
      await storage.syncDir(paths.root);
    }
    const found = highestEpoch(await readSlots(this.file));
    if (found > head.epoch) throw new HeadTakenOver(found);
    const generation = this.generation + 1;
    const slot = encodeSlot({ ...head, generation });
    await this.file.write(slot, 0, slot.length, (generation % 2) * SLOT_BYTES);
    await this.file.datasync();
    this.generation = generation;
  }

  async close(): Promise<void> {
    await this.file?.close();
    this.file = undefined;
  }
}

async function readSlotsAt(storage: Storage, path: string): Promise<Head[]> {
  if ((await guarded('look at', path, () => storage.stat(path))) === undefined) return [];
  const file = await guarded('open', path, () => storage.open(path, 'read'));
  try {
    return await guarded('read', path, () => readSlots(file));
  } finally {
    await guarded('close', path, () => file.close());
  }
}

async function readSlots(file: StorageFile): Promise<Head[]> {
  const bytes = Buffer.alloc(SLOT_BYTES * 2);
  await file.read(bytes, 0, bytes.length, 0);
  return [decodeSlot(bytes, 0), decodeSlot(bytes, SLOT_BYTES)].filter((slot) => slot !== undefined);
}

function highestEpoch(slots: readonly Head[]): number {
  return slots.reduce((highest, { epoch }) => Math.max(highest, epoch), 0);
}

function encodeSlot(head: Head): Buffer {
  const slot = Buffer.alloc(SLOT_BYTES);
  slot.writeUInt32LE(MAGIC, 0);
  slot.writeUInt32LE(head.epoch, 4);
  putU64(slot, head.generation, 8);
  putU64(slot, head.durableSequence, 16);
  putU64(slot, head.segment, 24);
  slot.writeUInt32LE(head.batch, 32);
  slot.write(head.logId, 36, LOG_ID_BYTES, 'latin1');
  slot.writeUInt32LE(crc32(slot, 0, CRC_OFFSET), CRC_OFFSET);
  return slot;
}

function decodeSlot(bytes: Buffer, at: number): Head | undefined {
  if (bytes.readUInt32LE(at) !== MAGIC) return undefined;
  if (crc32(bytes, at, at + CRC_OFFSET) !== bytes.readUInt32LE(at + CRC_OFFSET)) return undefined;
  return {
    epoch: bytes.readUInt32LE(at + 4),
    generation: getU64(bytes, at + 8),
    durableSequence: getU64(bytes, at + 16),
    segment: getU64(bytes, at + 24),
    batch: bytes.readUInt32LE(at + 32),
    logId: bytes.toString('latin1', at + 36, at + 36 + LOG_ID_BYTES).replace(/\0+$/, ''),
  };
}
