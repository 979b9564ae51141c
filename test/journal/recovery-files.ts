// What the tests of recovery on files share: directories with a snapshot and a log as a row describes them.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EventFields, EventType, PawlEvent } from '../../src/domain/events.js';
import type { TaskSpec } from '../../src/domain/task.js';
import { openWalWriter } from '../../src/journal/open-journal.js';
import {
  loadProjectionFromStorage,
  type LoadProjectionOptions,
  type RecoveryBootstrap,
} from '../../src/journal/load-projection.js';
import type { Snapshot } from '../../src/journal/snapshot-model.js';
import { SnapshotWriter } from '../../src/journal/snapshot-writer.js';
import type { LogFields, Logger } from '../../src/logger.js';
import { sampleSpec } from './snapshot-samples.js';

/** Where the snapshot of a sequence lies. */
export function snapshotPath(dir: string, sequence: number): string {
  return join(dir, 'snapshots', `${String(sequence)}.snapshot`);
}

/** Writes a snapshot into a data directory. */
export async function saveSnapshot(dir: string, snapshot: Snapshot): Promise<string> {
  mkdirSync(join(dir, 'snapshots'), { recursive: true });
  const path = snapshotPath(dir, snapshot.header.sequence);
  const writer = new SnapshotWriter(path);
  await writer.write(snapshot);
  await writer.close();
  return path;
}

/** An event with its stamps. */
export function at<T extends EventType>(
  sequence: number,
  time: number,
  type: T,
  fields: EventFields[T],
): PawlEvent<T> {
  return { type, sequence, at: time, ...fields };
}

/** Appends events to the log of a directory, each in a commit of its own. */
export async function appendAll(dir: string, events: readonly PawlEvent[]): Promise<void> {
  const writer = await openWalWriter(dir);
  for (const event of events) await writer.append(event);
  await writer.close();
}

/** `TaskCreated` of a task. */
export function taskCreated(sequence: number, time: number, spec: TaskSpec = sampleSpec()): PawlEvent {
  return at(sequence, time, 'TaskCreated', { spec });
}

/** Loads, hands over what was loaded, and lets go of the directory. */
export async function loadAnd<T>(
  dir: string,
  look: (loaded: RecoveryBootstrap) => T | Promise<T>,
  options: LoadProjectionOptions = {},
): Promise<T> {
  const loaded = await loadProjectionFromStorage(dir, options);
  try {
    return await look(loaded);
  } finally {
    await loaded.writer?.close();
  }
}

/** A line of the log. */
export type Line = LogFields & { readonly level: string; readonly message: string };

/** A logger that keeps its lines. */
export function recordingLogger(): { readonly logger: Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const keep = (level: string) => (fields: LogFields, message: string) => {
    lines.push({ ...fields, level, message });
  };
  return {
    logger: { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') },
    lines,
  };
}
