// A file of the simulated disk: what a process sees (the cache) and what would be there after a power cut (the
// platter), told apart by sectors of 512 bytes. A failed fsync leaves the cache looking right and the
// platter wrong, as real systems do: later fsyncs no longer know of those sectors.

/** Bytes that a disk writes together. */
export const SECTOR_BYTES = 512;

/** What became of a sector that was not synced. */
export type SectorFate = 'old' | 'new' | 'zero';

/** Contents of one file, twice. */
export class SimulatedFile {
  links = 0;
  /** The name it was last given, for fault plans and messages. */
  path = '';
  private cache = Buffer.alloc(0);
  private platter = Buffer.alloc(0);
  private dirty = new Set<number>();
  private sizeDirty = false;
  /** Sectors whose write-back failed: the cache holds them, no later sync will write them. */
  private readonly lost = new Set<number>();

  constructor(readonly inode: number) {}

  get sizeBytes(): number {
    return this.cache.length;
  }

  /** What a process reads. */
  contents(): Buffer {
    return this.cache;
  }

  /** What would be there after a power cut in which nothing unsynced reached the disk. */
  durableContents(): Buffer {
    return this.platter;
  }

  write(bytes: Buffer, from: number, length: number, position: number): void {
    if (length === 0) return;
    const end = position + length;
    if (end > this.cache.length) this.resize(end);
    bytes.copy(this.cache, position, from, from + length);
    this.touch(position, end);
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes === this.cache.length) return;
    const before = this.cache.length;
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
    this.cache = Buffer.from(this.platter);
  }

  private resize(sizeBytes: number): void {
    const next = Buffer.alloc(sizeBytes);
    this.cache.copy(next, 0, 0, Math.min(sizeBytes, this.cache.length));
    this.cache = next;
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
    const next = Buffer.alloc(takeSize ? this.cache.length : this.platter.length);
    this.platter.copy(next, 0, 0, Math.min(next.length, this.platter.length));
    for (const sector of [...this.dirty].sort((a, b) => a - b)) {
      const from = sector * SECTOR_BYTES;
      const end = Math.min(from + SECTOR_BYTES, next.length);
      if (from >= next.length) continue;
      // A disk writes a sector whole: what was durable in it is never lost, so zero is for new ground only.
      const fresh = from >= this.platter.length;
      const drawn = fate();
      const chosen = drawn === 'zero' && !fresh ? 'old' : drawn;
      if (chosen === 'new') this.cache.copy(next, from, from, Math.min(end, this.cache.length));
      else if (chosen === 'zero') next.fill(0, from, end);
    }
    this.platter = next;
  }
}
