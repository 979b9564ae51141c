// Directories for the data of a bench, all under one parent, all gone at the end.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';

/** Makes empty directories and removes them. */
export class Workspace {
  readonly root: string;
  #made = 0;

  constructor(parent: string) {
    mkdirSync(parent, { recursive: true });
    this.root = mkdtempSync(path.join(parent, 'pawl-bench-'));
  }

  /** An empty directory. */
  freshDir(): string {
    const dir = path.join(this.root, String(this.#made++));
    mkdirSync(dir);
    return dir;
  }

  /** Removes everything. */
  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
