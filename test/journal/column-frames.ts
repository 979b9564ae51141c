// Frames of columns for tests: their payloads, and what rows of the same records are read to.
import { expect } from '@jest/globals';
import type { SavedTask } from '../../src/domain/nouns.js';
import type { SavedRun } from '../../src/domain/run.js';
import type { ColumnGroup } from '../../src/journal/column-group.js';
import { RunGroup } from '../../src/journal/column-runs.js';
import { TaskGroup } from '../../src/journal/column-tasks.js';
import { RecordReader } from '../../src/journal/record-reader.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import { SECTION_CODECS } from '../../src/journal/snapshot-codec.js';

/** The payload of a frame of such rows, not at the beginning of its buffer. */
export function columns<R>(group: ColumnGroup<R>, records: readonly R[]): Buffer {
  const out = new RecordWriter(64);
  out.str('before');
  for (const record of records) expect(group.add(record)).toBe(true);
  expect(group.count).toBe(records.length);
  group.write(out);
  return Buffer.from(out.written());
}
/** Bytes before it. */
export const BEFORE = 7;
/** The payload of a frame of tasks. */
export const taskColumns = (tasks: readonly SavedTask[]): Buffer => columns(new TaskGroup(), tasks);
/** The payload of a frame of runs. */
export const runColumns = (runs: readonly SavedRun[]): Buffer => columns(new RunGroup(), runs);

/** A reader at the beginning of such a payload. */
export function readerOf(bytes: Buffer): RecordReader {
  const reader = new RecordReader();
  reader.reset(bytes, BEFORE, bytes.length);
  return reader;
}

/** What the codec of rows reads from what it wrote. */
export function throughRows<N extends 'tasks' | 'runs'>(
  section: N,
  record: N extends 'tasks' ? SavedTask : SavedRun,
): unknown {
  const out = new RecordWriter(64);
  const codec = SECTION_CODECS[section] as {
    write(out: RecordWriter, record: unknown): void;
    read(input: RecordReader): unknown;
  };
  codec.write(out, record);
  const reader = new RecordReader();
  reader.reset(out.bytes, 0, out.position);
  return codec.read(reader);
}
