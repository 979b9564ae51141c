// The segments of a log in a directory, as retention sees them. The oldest one goes durably before the next may:
// whatever a crash leaves is a log without a hole. Nothing is believed that the disk does not say too.
import { join } from 'node:path';
import { readHead, type Head } from './head-file.js';
import type { KeptSegment, LogSegments } from './journal-backend.js';
import { listSegments, type SegmentInfo } from './segment-list.js';
import type { FileStat, Storage } from './storage.js';
import { guarded } from './storage-errors.js';

/** The log whose segments they are. */
export interface OpenSegments {
  readonly paths: { readonly root: string; readonly wal: string; readonly head: string };
  /** Oldest first; shared with whoever writes and reads. */
  readonly segments: SegmentInfo[];
  readonly epoch: number;
  readonly logId: string;
  /** Where the log ends now; `head` may know what the journal has not been told yet. */
  readonly durableSequence: number;
}

/** Lists and removes the segments of a directory. */
export class FileLogSegments implements LogSegments {
  /** True after a directory fsync failed: which names the disk has is then unknown, and nothing more may go. */
  #unknown = false;

  constructor(
    private readonly storage: Storage,
    private readonly log: () => OpenSegments,
  ) {}

  list(): readonly KeptSegment[] {
    return this.log().segments;
  }

  async disagreement(): Promise<string | undefined> {
    if (this.#unknown) return 'an fsync of a directory has failed; open the directory again';
    const { paths, segments } = this.log();
    const known = [...segments];
    const newest = known[known.length - 1];
    const onDisk = await listSegments(this.storage, paths.wal);
    const names = new Set(onDisk.map(({ name }) => name));
    const lost = known.find(({ name }) => !names.has(name));
    if (lost !== undefined) return `${lost.name} is not there any more`;
    const foreign = onDisk.find(
      (info) =>
        info.firstSequence < (newest?.firstSequence ?? 0) && !known.some(({ name }) => name === info.name),
    );
    if (foreign !== undefined) return `${foreign.name} is not one of this log`;
    const [oldest] = known;
    const file = oldest === undefined ? undefined : await this.#stat(oldest);
    if (oldest !== undefined && (file === undefined || file.sizeBytes < oldest.sizeBytes))
      return `${oldest.name} is shorter than what was written to it`;
    const head = await guarded('read', paths.head, () => readHead(this.storage, paths.head));
    // Looked at after `head` was read: what it says was durable before.
    return head === undefined ? undefined : headDisagrees(head, this.log());
  }

  async removeOldest(how: 'archive' | 'delete'): Promise<void> {
    const { segments, paths } = this.log();
    const [oldest, following] = segments;
    if (oldest === undefined || following === undefined || !oldest.sealed)
      throw new TypeError('only a sealed segment that another one follows can be removed');
    const archive = join(paths.root, 'archive');
    if (how === 'archive') await this.#prepare(archive, paths.root);
    // From here on readers begin behind it, so that none of them opens a file that is going.
    segments.shift();
    try {
      if (how === 'archive')
        await guarded('rename', oldest.path, () =>
          this.storage.rename(oldest.path, join(archive, oldest.name)),
        );
      else await guarded('remove', oldest.path, () => this.storage.unlink(oldest.path));
    } catch (error) {
      if ((await this.#stat(oldest).catch(() => undefined)) !== undefined) segments.unshift(oldest);
      else this.#unknown = true;
      throw error;
    }
    // The new name first: until it is durable the old one must be.
    if (how === 'archive') await this.#sync(archive);
    await this.#sync(paths.wal);
  }

  #stat({ path }: SegmentInfo): Promise<FileStat | undefined> {
    return guarded('look at', path, () => this.storage.stat(path));
  }

  async #prepare(archive: string, root: string): Promise<void> {
    if ((await guarded('look at', archive, () => this.storage.stat(archive))) !== undefined) return;
    await guarded('create', archive, () => this.storage.mkdir(archive));
    await this.#sync(root);
  }

  async #sync(directory: string): Promise<void> {
    try {
      await guarded('fsync', directory, () => this.storage.syncDir(directory));
    } catch (error) {
      this.#unknown = true;
      throw error;
    }
  }
}

function headDisagrees(head: Head, log: OpenSegments): string | undefined {
  if (head.logId !== '' && head.logId !== log.logId) return 'head belongs to another log';
  if (head.epoch > log.epoch) return `head is of epoch ${String(head.epoch)}, which is a later writer's`;
  if (head.durableSequence > log.durableSequence)
    return `head knows ${String(head.durableSequence)}, and the log ends at ${String(log.durableSequence)}`;
  return undefined;
}
