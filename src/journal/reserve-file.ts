// Space that is kept for the day the disk is full: a file that is given up then, so that what must be written can
// be, and made again when there is room. It is filled with bytes that do not compress. Nothing here ever fails the
// log: without a reserve a full disk only refuses more.
import { applyMask } from './mask.js';
import type { Storage } from './storage.js';

/** Written at a time, so that no call is long. */
const CHUNK_BYTES = 262_144;
/** The reserve is made when this many times its size is free: the log shall not meet the end at once. */
const ROOM_FACTOR = 2;

/** The reserve of one data directory. Calls wait for each other. */
export class ReserveFile {
  private held = false;
  private work: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly storage: Storage,
    private readonly paths: { readonly root: string; readonly reserve: string },
    private readonly sizeBytes: number,
  ) {}

  /** Takes up what an earlier process left. */
  look(): Promise<void> {
    return this.inTurn(async () => {
      if (this.sizeBytes === 0) return;
      const found = await this.storage.stat(this.paths.reserve).catch(() => undefined);
      this.held = found !== undefined && found.sizeBytes >= this.sizeBytes;
    });
  }

  /** Makes the reserve when it is not there and there is room. True when it is there now. */
  keep(): Promise<boolean> {
    return this.inTurn(async () => {
      if (this.sizeBytes === 0 || this.held) return true;
      if (!(await this.hasRoom())) return false;
      try {
        await this.write();
        this.held = true;
      } catch {
        // What was written of it must not lie in the way of the log.
        await this.remove();
      }
      return this.held;
    });
  }

  /** Gives the space back. True when there was some. */
  give(): Promise<boolean> {
    return this.inTurn(async () => {
      if (!this.held) return false;
      this.held = false;
      return this.remove();
    });
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.work;
  }

  private async hasRoom(): Promise<boolean> {
    const facts = await this.storage.fileSystem?.(this.paths.root).catch(() => undefined);
    return facts === undefined || facts.freeBytes >= this.sizeBytes * ROOM_FACTOR;
  }

  private async write(): Promise<void> {
    const { storage, paths, sizeBytes } = this;
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, sizeBytes));
    applyMask(chunk, 0, chunk.length, 1);
    const file = await storage.open(paths.reserve, 'create');
    try {
      await file.truncate(0);
      for (let done = 0; done < sizeBytes; done += chunk.length) {
        await file.write(chunk, 0, Math.min(chunk.length, sizeBytes - done), done);
      }
    } finally {
      await file.close();
    }
  }

  private async remove(): Promise<boolean> {
    const { storage, paths } = this;
    try {
      await storage.unlink(paths.reserve);
      // Some file systems hand freed space out again only when their own journal knows of it.
      await storage.syncDir(paths.root);
      return true;
    } catch {
      return false;
    }
  }

  private inTurn<T>(step: () => Promise<T>): Promise<T> {
    const next = this.work.then(step);
    this.work = next;
    return next;
  }
}
