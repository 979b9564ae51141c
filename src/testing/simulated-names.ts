// The names of the simulated disk: what processes see, what a power cut would leave, and the changes in between,
// each of which happens as a whole or not at all until its directory is synced.
import type { FileStat } from '../journal/storage.js';
import { SimulatedErrno } from './fault-plan.js';
import { SimulatedFile } from './simulated-file.js';

type Entry = SimulatedFile | 'directory';

interface NameChange {
  readonly directory: string;
  readonly apply: (names: Map<string, Entry>) => void;
}

/** A tree of names, twice. `/` exists; paths are absolute. */
export class SimulatedNames {
  private cached = new Map<string, Entry>([['/', 'directory']]);
  private platter = new Map<string, Entry>([['/', 'directory']]);
  private changes: NameChange[] = [];
  private inodes = 1;

  /** The file at a path, or undefined. Errors: `EISDIR`. */
  find(path: string): SimulatedFile | undefined {
    const found = this.cached.get(path);
    if (found === 'directory') throw new SimulatedErrno('EISDIR', path);
    return found;
  }

  /** The file at a path. Errors: `ENOENT`, `EISDIR`. */
  file(path: string): SimulatedFile {
    const found = this.find(path);
    if (found === undefined) throw new SimulatedErrno('ENOENT', path);
    return found;
  }

  create(path: string): SimulatedFile {
    this.requireDirectory(parentOf(path));
    const file = new SimulatedFile(this.inodes++);
    this.change(parentOf(path), (names) => {
      link(names, path, file);
    });
    return file;
  }

  mkdir(path: string): void {
    if (this.cached.has(path)) throw new SimulatedErrno('EEXIST', path);
    this.requireDirectory(parentOf(path));
    this.change(parentOf(path), (names) => {
      names.set(path, 'directory');
    });
  }

  rename(from: string, to: string): void {
    if (this.cached.get(from) === 'directory') {
      this.renameDirectory(from, to);
      return;
    }
    const file = this.file(from);
    this.change(parentOf(to), (names) => {
      if (names.get(from) === file) names.delete(from);
      link(names, to, file);
    });
  }

  /** What is in it goes along; what of that is not durable under the old name is not under the new one either. */
  private renameDirectory(from: string, to: string): void {
    this.requireDirectory(parentOf(to));
    if (this.cached.has(to)) throw new SimulatedErrno('EEXIST', to);
    this.change(parentOf(to), (names) => {
      for (const [path, entry] of [...names]) {
        if (path !== from && !path.startsWith(`${from}/`)) continue;
        const moved = to + path.slice(from.length);
        names.delete(path);
        if (entry === 'directory') names.set(moved, entry);
        else link(names, moved, entry);
      }
    });
  }

  unlink(path: string): void {
    const file = this.file(path);
    this.change(parentOf(path), (names) => {
      if (names.get(path) === file) names.delete(path);
    });
    file.links = 0;
  }

  list(path: string): string[] {
    this.requireDirectory(path);
    return namesIn(this.cached, path);
  }

  /** The file that would be at a path if no unsynced change of a name had happened. */
  durable(path: string): SimulatedFile | undefined {
    const found = this.platter.get(path);
    return found === 'directory' ? undefined : found;
  }

  /** The names that would be in a directory then. */
  listDurable(path: string): string[] {
    return namesIn(this.platter, path);
  }

  stat(path: string): FileStat | undefined {
    const found = this.cached.get(path);
    if (found === undefined) return undefined;
    if (found === 'directory') return { sizeBytes: 0, isDirectory: true, device: 1, inode: 0, links: 1 };
    return fileStat(found);
  }

  /** Makes the names in a directory durable. */
  sync(path: string): void {
    this.requireDirectory(path);
    this.changes = this.changes.filter((change) => {
      if (change.directory !== path) return true;
      change.apply(this.platter);
      return false;
    });
  }

  /** A power cut: each change of a name that was not synced happened when `happened` says so. */
  crash(happened: () => boolean): void {
    for (const change of this.changes) if (happened()) change.apply(this.platter);
    this.changes = [];
    this.cached = new Map(this.platter);
  }

  /** Puts a durable file there, with its directories. */
  place(path: string, file: SimulatedFile): void {
    for (const names of [this.cached, this.platter]) {
      for (let parent = parentOf(path); parent !== '/'; parent = parentOf(parent))
        names.set(parent, 'directory');
      link(names, path, file);
    }
  }

  /** Every file that has a name, now or after a power cut. */
  *files(): Generator<SimulatedFile> {
    const seen = new Set<Entry>([...this.cached.values(), ...this.platter.values()]);
    for (const entry of seen) if (entry !== 'directory') yield entry;
  }

  private change(directory: string, apply: (names: Map<string, Entry>) => void): void {
    apply(this.cached);
    this.changes.push({ directory, apply });
  }

  private requireDirectory(path: string): void {
    const found = this.cached.get(path);
    if (found === undefined) throw new SimulatedErrno('ENOENT', path);
    if (found !== 'directory') throw new SimulatedErrno('ENOTDIR', path);
  }
}

/** What a file is. */
export function fileStat(file: SimulatedFile): FileStat {
  return { sizeBytes: file.sizeBytes, isDirectory: false, device: 1, inode: file.inode, links: file.links };
}

function link(names: Map<string, Entry>, path: string, file: SimulatedFile): void {
  const replaced = names.get(path);
  if (replaced !== undefined && replaced !== 'directory' && replaced !== file) replaced.links = 0;
  file.links = 1;
  file.path = path;
  names.set(path, file);
}

function namesIn(names: ReadonlyMap<string, Entry>, directory: string): string[] {
  const prefix = directory === '/' ? '/' : `${directory}/`;
  const found: string[] = [];
  for (const name of names.keys()) {
    if (name.length > prefix.length && name.startsWith(prefix) && !name.includes('/', prefix.length))
      found.push(name.slice(prefix.length));
  }
  return found.sort();
}

function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at <= 0 ? '/' : path.slice(0, at);
}
