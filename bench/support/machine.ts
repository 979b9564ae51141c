// The machine a run of the benches was made on, because absolute figures do not travel.
import { execFileSync } from 'node:child_process';
import os from 'node:os';

/** What stands next to every table. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly fileSystem: string;
  readonly node: string;
  /** One-minute load before the first bench; above 0.5 the machine had other work. */
  readonly loadBefore: number;
}

/** Describes this machine and the file system under a directory. */
export function describeMachine(dir: string): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.cpus().length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()}`,
    fileSystem: fileSystemOf(dir),
    node: process.version,
    loadBefore: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
  };
}

function fileSystemOf(dir: string): string {
  try {
    return execFileSync('stat', ['-f', '-c', '%T', dir], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
