// A file of the simulated disk: what a process sees (the cache) and what would be there after a power cut (the
// platter), told apart by sectors of 512 bytes. A failed fsync leaves the cache looking right and the
// platter wrong, as real systems do: later fsyncs no longer know of those sectors.

/** Bytes that a disk writes together. */
export const SECTOR_BYTES = 512;

/** What became of a sector that was not synced. */
export type SectorFate = 'old' | 'new' | 'zero';

/** Bytes that grow by doubling; what lies behind their end is zero. */
class Bytes {
  size = 0;
  private room = Buffer.alloc(0);

  /** The bytes; a view. */
  view(): Buffer {
    return this.room.subarray(0, this.size);
  }

  resize(size: number): void {
    if (size > this.room.length) {
      const next = Buffer.alloc(Math.max(size, 2 * this.room.length, SECTOR_BYTES));
      this.room.copy(next, 0, 0, this.size);
      this.room = next;
    } else if (size < this.size) this.room.fill(0, size, this.size);
    this.size = size;
  }

  put(bytes: Buffer, from: number, end: number, position: number): void {
    bytes.copy(this.room, position, from, end);
  }

  zero(from: number, end: number): void {
    this.room.fill(0, from, end);
  }

  /** Copies what another has between two places to the same places here. */
  take(other: Bytes, from: number, end: number): void {
    other.room.copy(this.room, from, from, Math.min(end, other.size));
  }
}

/** Contents of one file, twice. */
export class SimulatedFile {
  links = 0;
  /** The name it was last given, for fault plans and messages. */
  path = '';
  private readonly cache = new Bytes();
  private readonly platter = new Bytes();
  private readonly dirty = new Set<number>();
  private sizeDirty = false;
  /** Sectors whose write-back failed: the cache holds them, no later sync will write them. */
  private readonly lost = new Set<number>();

  constructor(readonly inode: number) {}

  get sizeBytes(): number {
    return this.cache.size;
  }

  /** What a process reads; a view. */
  contents(): Buffer {
    return this.cache.view();
  }

  /** What would be there after a power cut in which nothing unsynced reached the disk; a view. */
  durableContents(): Buffer {
    return this.platter.view();
  }

  /** Copies bytes out, as many as there are; returns how many. */
  read(into: Buffer, from: number, length: number, position: number): number {
    const bytes = this.cache.view();
    if (position >= bytes.length) return 0;
    return bytes.copy(into, from, position, Math.min(bytes.length, position + length));
  }

  write(bytes: Buffer, from: number, length: number, position: number): void {
    if (length === 0) return;
    const end = position + length;
    if (end > this.cache.size) this.resize(end);
    this.cache.put(bytes, from, from + length, position);
    this.touch(position, end);
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes === this.cache.size) return;
    const before = this.cache.size;
    this.resize(sizeBytes);
    if (sizeBytes < before && sizeBytes % SECTOR_BYTES !== 0) this.touch(sizeBytes, sizeBytes + 1);
  }

  sync(): void {
    this.settle(() => 'new', true);
    this.dirty.clear();
    this.sizeDirty = false;
  }

  /** Marks what was to be synced as clean without writing it. */
  failSync(): void {
    for (const sector of this.dirty) this.lost.add(sector);
    this.dirty.clear();
  }

  /** A power cut: each unsynced sector, and the size, meets its fate. Cache and platter are one afterwards. */
  crash(fate: () => SectorFate): void {
    for (const sector of this.lost) this.dirty.add(sector);
    this.lost.clear();
    this.settle(fate, !this.sizeDirty || fate() === 'new');
    this.dirty.clear();
    this.sizeDirty = false;
    this.cache.resize(this.platter.size);
    this.cache.take(this.platter, 0, this.platter.size);
  }

  private resize(sizeBytes: number): void {
    this.cache.resize(sizeBytes);
    this.sizeDirty = true;
  }

  private touch(from: number, end: number): void {
    const last = Math.floor((end - 1) / SECTOR_BYTES);
    for (let sector = Math.floor(from / SECTOR_BYTES); sector <= last; sector++) {
      this.dirty.add(sector);
      this.lost.delete(sector);
    }
  }

  private settle(fate: () => SectorFate, takeSize: boolean): void {
    const { cache, platter } = this;
    const before = platter.size;
    if (takeSize) platter.resize(cache.size);
    for (const sector of [...this.dirty].sort((a, b) => a - b)) {
      const from = sector * SECTOR_BYTES;
      const end = Math.min(from + SECTOR_BYTES, platter.size);
      if (from >= platter.size) continue;
      // A disk writes a sector whole: what was durable in it is never lost, so zero is for new ground only.
      const fresh = from >= before;
      const drawn = fate();
      const chosen = drawn === 'zero' && !fresh ? 'old' : drawn;
      if (chosen === 'new') platter.take(cache, from, end);
      else if (chosen === 'zero') platter.zero(from, end);
    }
  }
}
