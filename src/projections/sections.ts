// Makers of snapshot sections for the kinds of collection there are: a map, a queue, one record.
import type { ImageKeeper, KeptImage, SectionName, SectionRecords } from '../domain/snapshot-records.js';
import type { RecordQueue } from './record-queue.js';
import type { SectionCapture, SnapshotSection } from './snapshot-section.js';

/** A collection that can be read now, or as it was when a capture was taken. */
interface Capturable<R> {
  readonly size: number;
  records(): Iterable<R>;
  capture(keep?: (record: R) => KeptImage<R>): SectionCapture<R>;
}

/** The section of a map or a table. */
export function mapSection<N extends SectionName>(
  name: N,
  map: Capturable<SectionRecords[N]>,
  load: (record: SectionRecords[N]) => void,
): SnapshotSection<N> {
  return {
    name,
    count: () => map.size,
    records: () => map.records(),
    capture: (images?: ImageKeeper) =>
      map.capture(images === undefined ? undefined : (record) => images.keep(name, record)),
    load,
  };
}

/** The section of a queue. */
export function queueSection<N extends SectionName>(
  name: N,
  queue: RecordQueue<SectionRecords[N]>,
  load: (record: SectionRecords[N]) => void,
): SnapshotSection<N> {
  return {
    name,
    count: () => queue.size,
    records: () => queue.records(),
    capture: () => queue.capture(),
    load,
  };
}

/** The section of a noun that has one record, or none yet. */
export function singleSection<N extends SectionName>(
  name: N,
  read: () => SectionRecords[N] | undefined,
  load: (record: SectionRecords[N]) => void,
): SnapshotSection<N> {
  const records = (): SectionRecords[N][] => {
    const record = read();
    return record === undefined ? [] : [record];
  };
  return {
    name,
    count: () => records().length,
    records,
    load,
    capture() {
      const kept = records();
      return { count: kept.length, savedRecords: 0, records: () => kept, release: () => undefined };
    },
  };
}
