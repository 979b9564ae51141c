// The regular files below a folder, in the order of their paths, folder by folder. Symbolic links are not followed, as
// `find -type f` does not follow them. What cannot be looked at is told, not thrown.
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** A file that was found. */
export interface FoundFile {
  readonly path: string;
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

/** Walks a folder. */
export async function* walkFiles(root: string, options: WalkOptions): AsyncGenerator<FoundFile> {
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (folder === options.leaveOut) continue;
    const { files, inside } = await namesIn(folder, options);
    folders.push(...inside.reverse());
    const found = await Promise.all(files.map((path) => look(path, options)));
    for (const file of found) if (file !== undefined) yield file;
  }
}

async function namesIn(
  folder: string,
  { onUnreadable }: WalkOptions,
): Promise<{ files: string[]; inside: string[] }> {
  const files: string[] = [];
  const inside: string[] = [];
  try {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) inside.push(path);
      else if (entry.isFile()) files.push(path);
    }
  } catch (error) {
    onUnreadable(folder, error);
  }
  return { files: files.sort(), inside: inside.sort() };
}

async function look(path: string, { onUnreadable }: WalkOptions): Promise<FoundFile | undefined> {
  try {
    const { size, mtimeMs, ctimeMs } = await lstat(path);
    return { path, size, modifiedMs: mtimeMs, changedMs: ctimeMs };
  } catch (error) {
    // Names that are no UTF-8 come with this character in place of what cannot be said.
    onUnreadable(path, path.includes('\ufffd') ? new Error('its name is not valid UTF-8') : error);
    return undefined;
  }
}
