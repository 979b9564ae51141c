// One capture over all sections, taken at a commit boundary.
import type { ImageKeeper } from '../domain/snapshot-records.js';
import type { CapturedSection, SnapshotSection, StateCapture } from './snapshot-section.js';

/** Captures the sections as they are now. */
export function captureSections(
  sections: readonly SnapshotSection[],
  at: { readonly sequence: number; readonly lastAt: number },
  onRelease: () => void,
  images?: ImageKeeper,
): StateCapture {
  const captured: CapturedSection[] = sections.map((section) => {
    const capture = section.capture(images);
    return {
      name: section.name,
      count: capture.count,
      records: () => capture.records(),
      release: () => capture.release(),
      get savedRecords() {
        return capture.savedRecords;
      },
    };
  });
  let released = false;
  return {
    ...at,
    sections: captured,
    get savedRecords() {
      return captured.reduce((sum, section) => sum + section.savedRecords, 0);
    },
    release() {
      if (released) return;
      released = true;
      for (const section of captured) section.release();
      onRelease();
    },
  };
}
