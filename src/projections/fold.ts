// What every noun's fold is to the set of projections: the events it takes, and its sections of a snapshot.
import type { EventType, PawlEvent } from '../domain/events.js';
import type { LoadHeader, SnapshotSection } from './snapshot-section.js';

/** The read model of one noun. Pure: the same events make the same state. */
export interface Fold {
  /** Events that `apply` is called with. */
  readonly handles: readonly EventType[];
  readonly sections: readonly SnapshotSection[];
  /** Applies one event, or throws `REPLAY_REFUSED` when the state refuses it. */
  apply(event: PawlEvent): void;
  /** Resolves references after all sections were loaded; called in the order of registration. */
  finishLoad?(header: LoadHeader): void;
}
