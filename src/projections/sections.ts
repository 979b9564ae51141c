// Makers of snapshot sections for the kinds of collection there are: a map, a queue, one record.
import type { ImageKeeper, SectionName, SectionRecords } from '../domain/snapshot-records.js';
import type { CapturableMap } from './capturable-map.js';
import type { RecordQueue } from './record-queue.js';
import type { SnapshotSection } from './snapshot-section.js';

/** The section of a map. */
export function mapSection<N extends SectionName, V>(
  name: N,
  map: CapturableMap<V, SectionRecords[N]>,
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
