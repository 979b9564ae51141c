// The disk's own speed in the directory where a bench keeps its data: 256 bytes appended and fdatasynced, one after
// the other, and the same into space that was written before. Every figure is also given as a ratio to this.
import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { quantile } from './stats.js';

/** Milliseconds a write + fdatasync. */
export interface DiskTimes {
  readonly appendP50Ms: number;
  readonly appendP99Ms: number;
  readonly preallocatedP50Ms: number;
}

const RECORD_BYTES = 256;
const DEFAULT_SAMPLES = 300;

/** Measures the disk under a directory. */
export function measureDisk(dir: string, samples = DEFAULT_SAMPLES): DiskTimes {
  const file = path.join(dir, 'disk-probe');
  const fd = openSync(file, 'w');
  try {
    const appended = timeWrites(fd, { samples, from: 0 });
    const from = samples * RECORD_BYTES;
    writeSync(fd, Buffer.alloc(samples * RECORD_BYTES), 0, samples * RECORD_BYTES, from);
    fsyncSync(fd);
    const overwritten = timeWrites(fd, { samples, from });
    return {
      appendP50Ms: quantile(appended, 0.5),
      appendP99Ms: quantile(appended, 0.99),
      preallocatedP50Ms: quantile(overwritten, 0.5),
    };
  } finally {
    closeSync(fd);
    rmSync(file, { force: true });
  }
}

function timeWrites(fd: number, range: { samples: number; from: number }): number[] {
  const record = Buffer.alloc(RECORD_BYTES, 0x61);
  const times: number[] = [];
  for (let index = 0; index < range.samples; index++) {
    const start = performance.now();
    writeSync(fd, record, 0, RECORD_BYTES, range.from + index * RECORD_BYTES);
    fdatasyncSync(fd);
    times.push(performance.now() - start);
  }
  return times;
}

/** The median of several measurements, field by field. */
export function typicalDisk(measured: readonly DiskTimes[]): DiskTimes {
  const middle = (pick: (times: DiskTimes) => number): number => quantile(measured.map(pick), 0.5);
  return {
    appendP50Ms: middle((times) => times.appendP50Ms),
    appendP99Ms: middle((times) => times.appendP99Ms),
    preallocatedP50Ms: middle((times) => times.preallocatedP50Ms),
  };
}
