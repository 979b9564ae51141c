// The regular files below a folder, in the order of their paths. Symbolic links are not followed, as `find -type f`
// does not follow them. A folder that cannot be read is told, not thrown.
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file that was found. */
export interface FoundFile {
  readonly path: string;
  readonly size: number;
  /** Whole milliseconds. */
  readonly modifiedAt: number;
}

/** Walks a folder. `onUnreadable` is told of each folder or file that could not be looked at. */
export async function* walkFiles(
  root: string,
  onUnreadable: (path: string, error: unknown) => void,
): AsyncGenerator<FoundFile> {
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const files: string[] = [];
    try {
      for await (const entry of await opendir(folder)) {
        if (entry.isDirectory()) folders.push(join(folder, entry.name));
        else if (entry.isFile()) files.push(join(folder, entry.name));
      }
    } catch (error) {
      onUnreadable(folder, error);
    }
    for (const path of files.sort()) {
      try {
        const { size, mtimeMs } = await stat(path);
        yield { path, size, modifiedAt: Math.floor(mtimeMs) };
      } catch (error) {
        onUnreadable(path, error);
      }
    }
  }
}
