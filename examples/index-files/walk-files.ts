// The regular files below a folder, in the order of their paths, folder by folder. Symbolic links are not followed, as
// `find -type f` does not follow them. What cannot be looked at is told, not thrown. Names are bytes, whatever they say.
import { lstat, readdir } from 'node:fs/promises';
import { sep } from 'node:path';
import { filePathOf, type FilePath } from './file-path.js';

/** A file that was found. */
export interface FoundFile extends FilePath {
  readonly size: number;
  /** When its contents, and when anything about it, last changed; milliseconds. */
  readonly modifiedMs: number;
  readonly changedMs: number;
}

/** How a folder is walked. */
export interface WalkOptions {
  /** A folder to leave out with everything below it. */
  readonly leaveOut: string;
  /** Told of each folder or file that could not be looked at. */
  readonly onUnreadable: (path: string, error: unknown) => void;
}

const SEPARATOR = Buffer.from(sep);

/** Walks a folder. */
export async function* walkFiles(root: string, options: WalkOptions): AsyncGenerator<FoundFile> {
  const leaveOut = Buffer.from(options.leaveOut);
  const folders: Buffer[] = [Buffer.from(root)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (folder.equals(leaveOut)) continue;
    const { files, inside } = await namesIn(folder, options);
    folders.push(...inside.reverse());
    const found = await Promise.all(files.map((path) => look(path, options)));
    for (const file of found) if (file !== undefined) yield file;
  }
}

async function namesIn(
  folder: Buffer,
  { onUnreadable }: WalkOptions,
): Promise<{ files: Buffer[]; inside: Buffer[] }> {
  const files: Buffer[] = [];
  const inside: Buffer[] = [];
  try {
    for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) inside.push(path);
      else if (entry.isFile()) files.push(path);
    }
  } catch (error) {
    onUnreadable(folder.toString(), error);
  }
  return { files: files.sort(byBytes), inside: inside.sort(byBytes) };
}

function byBytes(left: Buffer, right: Buffer): number {
  return left.compare(right);
}

function join(folder: Buffer, name: Buffer): Buffer {
  const separated = folder.subarray(-SEPARATOR.length).equals(SEPARATOR);
  return Buffer.concat(separated ? [folder, name] : [folder, SEPARATOR, name]);
}

async function look(path: Buffer, { onUnreadable }: WalkOptions): Promise<FoundFile | undefined> {
  try {
    const { size, mtimeMs, ctimeMs } = await lstat(path);
    return { ...filePathOf(path), size, modifiedMs: mtimeMs, changedMs: ctimeMs };
  } catch (error) {
    onUnreadable(path.toString(), error);
    return undefined;
  }
}
