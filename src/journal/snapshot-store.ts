// Taking a snapshot of a running engine, and keeping the two newest good ones. A failure leaves the older ones and
// the log as they were; it is told to the caller and to the log, and hurts nobody else.
import type { Clock } from '../clock.js';
import { DEFAULT_LIMITS } from '../domain/limits.js';
import {
  SECTION_NAMES,
  type ImageKeeper,
  type SectionName,
  type SectionRecords,
} from '../domain/snapshot-records.js';
import { isPawlError, PawlError } from '../errors.js';
import { silentLogger, withFields, type Logger } from '../logger.js';
import type { JournalBackend } from './journal-backend.js';
import { SnapshotImages } from './snapshot-images.js';
import { SNAPSHOT_FORMAT_VERSION, SNAPSHOT_SCHEMA_VERSION, type SnapshotCounts } from './snapshot-model.js';
import type { SnapshotOutput, SnapshotStore } from './snapshot-store-port.js';
import { snapshotInvalid } from './snapshot-validate-refusal.js';
import { SnapshotValidator } from './snapshot-validate.js';
import { SnapshotStream } from './snapshot-writer-stream.js';

export type { SnapshotEntry, SnapshotInput, SnapshotOutput, SnapshotStore } from './snapshot-store-port.js';

/** Good snapshots that are kept. */
export const KEPT_SNAPSHOTS = 2;
/** How long a snapshot may hold the event loop in a turn, milliseconds: beside an idle engine, and beside a busy one. */
const SLICE_MS = { minMs: 0.5, maxMs: 2 };

/** A snapshot that was written. */
export interface SnapshotInfo {
  /** Sequence of the last event it stands for. */
  readonly sequence: number;
  readonly takenAt: number;
  readonly path: string;
  readonly bytes: number;
  /** Records in each section. */
  readonly counts: SnapshotCounts;
}

/** When a snapshot is taken by itself; 0 switches a rule off. */
export interface SnapshotPolicy {
  /** Events of log since the last one. */
  readonly everyEvents: number;
  /** Bytes of log since the last one. */
  readonly everyBytes: number;
  /** Events since the last one with which a close takes one. */
  readonly onCloseEvents: number;
}

/** A section as it was when the state was captured. */
export interface CapturedPart<N extends SectionName = SectionName> {
  readonly name: N;
  /** Records that it had. */
  readonly count: number;
  /** Each record is valid until the next is asked for. `undefined` is none, and a moment to rest. */
  records(): Iterable<SectionRecords[N] | undefined>;
}

/** The state at one commit boundary. */
export interface CapturedState {
  readonly sequence: number;
  readonly sections: readonly CapturedPart[];
  /** Idempotent. */
  release(): void;
}

/** What a snapshot is taken of: the projections. */
export interface SnapshotSource {
  /** Epoch of the log, 0 when none began. */
  readonly epoch: number;
  /** Keeps the state as it is now; what changes before it was read goes to `images`. */
  capture(images: ImageKeeper): CapturedState;
}

/** Options of `takeSnapshot`. */
export interface TakeSnapshotOptions {
  /** Milliseconds since the Unix epoch. */
  readonly takenAt: number;
  readonly logger?: Logger;
  /** Lets the event loop go on after 0.5 to 2 ms, as busy as it is. Default: after every 256 KiB. */
  readonly clock?: Pick<Clock, 'monotonicMs' | 'yieldTurn'>;
  /** Gets the length of each slice; for measurements. */
  readonly onSlice?: (ms: number) => void;
  /** The snapshot is given up when what changed meanwhile takes more bytes. Default that of `DEFAULT_LIMITS`. */
  readonly beforeImageBytes?: number;
  /** Calls `look` once, where the state is to be taken. Default: at once. */
  readonly atBoundary?: (look: () => void) => void;
  /** Says why the snapshot is wanted no more; asked again and again, also right before it is put in its place. */
  readonly refusal?: () => PawlError | undefined;
}

/** The snapshots of a backend. Errors: `NOT_SUPPORTED` when it keeps none. */
export function snapshotStoreOf(backend: Pick<JournalBackend, 'snapshots'>): SnapshotStore {
  if (backend.snapshots !== undefined) return backend.snapshots;
  throw new PawlError('NOT_SUPPORTED', 'This backend keeps no snapshots; give it a `snapshots` store.');
}

/**
 * Writes a snapshot of the state as it is at this call, or at the boundary that is asked for, while commits go on, and
 * removes all but the two newest good ones. Errors: those of the storage, `SNAPSHOT_INVALID`, `SNAPSHOT_CORRUPT`,
 * `LIMIT_EXCEEDED`; the log goes on.
 */
export async function takeSnapshot(
  source: SnapshotSource,
  store: SnapshotStore,
  options: TakeSnapshotOptions,
): Promise<SnapshotInfo> {
  const logger = withFields(options.logger ?? silentLogger, { component: 'snapshot' });
  const { captured, images } = await captureWhere(source, options);
  const assertWanted = (): void => {
    images.assertComplete();
    const refusal = options.refusal?.();
    if (refusal !== undefined) throw refusal;
  };
  let output: SnapshotOutput | undefined;
  const write = async (): Promise<SnapshotInfo> => {
    assertWanted();
    output = await store.write(captured.sequence);
    const info = await writeCaptured(captured, output, { ...options, epoch: source.epoch, assertWanted });
    assertWanted();
    await output.publish();
    store.rejected.delete(output.path);
    store.verified.add(output.path);
    const { sequence, bytes, path, counts } = info;
    logger.info({ snapshotSequence: sequence, bytes, path, counts }, 'snapshot written');
    await keepNewest(store, logger);
    return info;
  };
  try {
    return await write().catch((error: unknown) => {
      logger.warn({ err: error, path: output?.path ?? pathOf(error) }, 'snapshot failed, the log goes on');
      throw error;
    });
  } finally {
    captured.release();
    await output?.abandon();
  }
}

/** The state where it is to be taken, with what keeps it as it was there. */
function captureWhere(
  source: SnapshotSource,
  options: TakeSnapshotOptions,
): Promise<{ readonly captured: CapturedState; readonly images: SnapshotImages }> {
  const { atBoundary = atOnce, beforeImageBytes = DEFAULT_LIMITS.snapshotBeforeImageBytes } = options;
  const capture = async (): ReturnType<typeof captureWhere> => {
    const images = new SnapshotImages(beforeImageBytes, () => captured.release());
    const captured = source.capture(images);
    return { captured, images };
  };
  return new Promise((resolve) => {
    atBoundary(() => resolve(capture()));
  });
}

function atOnce(look: () => void): void {
  look();
}

async function writeCaptured(
  captured: CapturedState,
  output: SnapshotOutput,
  options: TakeSnapshotOptions & { readonly epoch: number; readonly assertWanted: () => void },
): Promise<SnapshotInfo> {
  const { sequence } = captured;
  const { takenAt, clock, onSlice, epoch, assertWanted } = options;
  const stream = new SnapshotStream(
    output,
    epoch,
    clock === undefined ? undefined : { clock, ...SLICE_MS, onSlice },
  );
  const rules = new SnapshotValidator();
  const header = {
    formatVersion: SNAPSHOT_FORMAT_VERSION,
    schemaVersion: SNAPSHOT_SCHEMA_VERSION,
    takenAt,
    sequence,
  };
  rules.header(header);
  stream.header(header);
  for (const section of inOrder(captured.sections)) {
    await stream.section(section.name, section.records(), (record) => {
      assertWanted();
      rules.record(section.name, record);
    });
    // A capture that was released meanwhile ends early: what it lacks must not look like the end of a section.
    assertWanted();
    requireAll(section, stream.counts);
  }
  rules.footer(stream.counts);
  await stream.footer();
  await stream.verify();
  return { sequence, takenAt, path: output.path, bytes: stream.bytes, counts: stream.counts };
}

/** Tasks come before the runs that name them, so that a reader need not remember open references. */
function inOrder(sections: readonly CapturedPart[]): CapturedPart[] {
  const place = (section: CapturedPart): number => SECTION_NAMES.indexOf(section.name);
  return [...sections].sort((left, right) => place(left) - place(right));
}

/** Removes snapshots that two newer good ones make superfluous. A failure is logged: one too many does no harm. */
async function keepNewest(store: SnapshotStore, logger: Logger): Promise<void> {
  try {
    let good = 0;
    for (const entry of await store.list()) {
      if (good >= KEPT_SNAPSHOTS) {
        await store.remove(entry);
        store.rejected.delete(entry.path);
        store.verified.delete(entry.path);
      } else if (!store.rejected.has(entry.path)) good++;
    }
  } catch (error) {
    logger.warn({ err: error }, 'old snapshots could not be removed');
  }
}

/** Where it failed, when it failed before there was a file. */
function pathOf(error: unknown): unknown {
  return isPawlError(error) ? error.data['path'] : undefined;
}

/** Every record that the section had when it was captured was written. */
function requireAll({ name, count }: CapturedPart, counts: SnapshotCounts): void {
  const actual = counts[name] ?? 0;
  if (actual !== count) throw snapshotInvalid('countMismatch', { section: name, declared: count, actual });
}
