// From kept snapshots to projections: the newest that can be used, else the next older one, else none. Records go
// into fresh projections as they are read; what turns out to be unusable is thrown away with them.
import type { PlainRun } from '../domain/run.js';
import type { SectionName, SectionRecords } from '../domain/snapshot-records.js';
import { isPawlError, PawlError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { PackedPairs } from '../domain/packed-pairs.js';
import { Projections, type ProjectionsOptions } from '../projections/projections.js';
import type { SnapshotSection } from '../projections/snapshot-section.js';
import { eventsOf } from './recovery-count.js';
import { readSnapshot } from './snapshot-loader-read.js';
import type { SnapshotCounts, SnapshotHeader, SnapshotSink } from './snapshot-model.js';
import type { SnapshotEntry, SnapshotStore } from './snapshot-store-port.js';
import { SnapshotValidator, validated } from './snapshot-validate.js';

/** Events that a waiting task and its run stand for: both were created, and the run was made ready. */
const EVENTS_OF_PAIR = 3;

/** A snapshot that could not be used. */
export interface RejectedSnapshot {
  readonly path: string;
  readonly code: string;
  readonly rule?: string;
  readonly message: string;
}

/** A snapshot that was loaded. */
export interface LoadedSnapshot {
  readonly projections: Projections;
  readonly path: string;
  readonly sequence: number;
  /** Events it stands for. */
  readonly events: number;
}

/** What is told about the search. */
export interface SnapshotSearch {
  readonly loaded: LoadedSnapshot | undefined;
  readonly rejected: readonly RejectedSnapshot[];
}

/** Loads the newest snapshot that can be used. Errors: those of the storage when the snapshots cannot be listed. */
export async function loadNewestSnapshot(
  store: SnapshotStore,
  options: ProjectionsOptions,
  logger: Logger,
): Promise<SnapshotSearch> {
  const rejected: RejectedSnapshot[] = [];
  const entries = await store.list();
  for (const [index, entry] of entries.entries()) {
    try {
      const loaded = await loadSnapshot(store, entry, options);
      store.verified.add(entry.path);
      return { loaded, rejected };
    } catch (error) {
      const next = index + 1 < entries.length ? 'older' : 'log';
      const rule =
        isPawlError(error) && typeof error.data['rule'] === 'string' ? { rule: error.data['rule'] } : {};
      store.rejected.add(entry.path);
      rejected.push({ path: entry.path, ...rule, ...describe(error) });
      logger.warn({ err: error, path: entry.path, ...rule, next }, 'snapshot cannot be used, falling back');
    }
  }
  return { loaded: undefined, rejected };
}

async function loadSnapshot(
  store: SnapshotStore,
  entry: SnapshotEntry,
  options: ProjectionsOptions,
): Promise<LoadedSnapshot> {
  const projections = new Projections(options);
  const sink = new ProjectionSink(projections, entry);
  const known = {
    hasTask: (taskId: string): boolean =>
      projections.tasks.loadedRow(taskId) !== undefined || projections.runs.intake?.hasTask(taskId) === true,
  };
  const input = await store.read(entry);
  try {
    await readSnapshot(input, validated(sink, known));
    projections.finishLoad(sink.loadHeader);
    // A task or run that occurs twice took the place of the first; which it was is found by reading again.
    if (
      !sink.isUnique ||
      projections.tasks.count !== sink.count('tasks') ||
      projections.runs.count !== sink.count('runs')
    ) {
      await readSnapshot(input, new SnapshotValidator());
      throw new PawlError('INTERNAL', `${entry.path} holds more tasks or runs than were loaded.`, {
        path: entry.path,
      });
    }
  } finally {
    await input.close();
  }
  return { projections, path: entry.path, sequence: entry.sequence, events: sink.events };
}

class ProjectionSink implements SnapshotSink {
  events = 0;
  /** False when two of the pairs have an id in common. */
  isUnique = true;
  readonly #sections = new Map<SectionName, SnapshotSection>();
  #counts: SnapshotCounts = {};
  /** Set by the first frame: a file that begins with another one is refused before anything is loaded. */
  loadHeader: Pick<SnapshotHeader, 'sequence' | 'takenAt'>;

  constructor(
    private readonly projections: Projections,
    private readonly entry: SnapshotEntry,
  ) {
    this.loadHeader = { sequence: entry.sequence, takenAt: 0 };
    for (const section of projections.sections) this.#sections.set(section.name, section);
  }

  header(header: SnapshotHeader): void {
    if (header.sequence !== this.entry.sequence) throw renamed(this.entry, header.sequence);
    this.loadHeader = header;
  }

  record<N extends SectionName>(section: N, record: SectionRecords[N]): void {
    this.events += eventsOf(section, record);
    this.#sections.get(section)?.load(record);
  }

  plainRun(run: PlainRun): void {
    this.events += run.state === 'ready' ? 2 : 1;
    this.projections.runs.loadPlain(run);
  }

  pairs(pairs: PackedPairs): void {
    this.isUnique = pairs.isUnique;
    this.events += EVENTS_OF_PAIR * pairs.size;
    this.projections.runs.loadPairs(pairs);
  }

  footer(counts: SnapshotCounts): void {
    this.#counts = counts;
  }

  count(section: SectionName): number {
    return this.#counts[section] ?? 0;
  }
}

function renamed(entry: SnapshotEntry, sequence: number): PawlError {
  return new PawlError(
    'SNAPSHOT_CORRUPT',
    `${entry.path} holds the snapshot of sequence ${String(sequence)}; give it the name it had.`,
    { path: entry.path, offset: 0, reason: 'sequenceGap', declared: entry.sequence, actual: sequence },
  );
}

function describe(error: unknown): { readonly code: string; readonly message: string } {
  if (isPawlError(error)) return { code: error.code, message: error.message };
  return { code: 'INTERNAL', message: String(error) };
}
