// A data directory with a log that somebody else wrote: the only way to states that this process never rests in.
import { join } from 'node:path';
import type { PawlEvent } from '../../../src/domain/events.js';
import { hostClock, hostRandom, uuidV7 } from '../../../src/host-clock.js';
import { FileBackend } from '../../../src/journal/file-backend.js';
import { hostStorage } from '../../../src/journal/host-storage.js';
import { openJournalOn } from '../../../src/journal/open-journal-on.js';
import type { EventDraft } from '../../../src/testing/given.js';
import { temporaryDirectory } from '../../support/engine.js';

/** Owner of the leases in foreign logs: an actor that is registered there. */
export const REMOTE = 'remote-1';

/** Writes commits at one moment into a new data directory; gives its path. */
export async function foreignLog(
  commits: readonly (readonly EventDraft[])[],
  at = 1_699_999_990_000,
): Promise<string> {
  const dataDir = join(await temporaryDirectory(), 'data');
  const backend = new FileBackend(hostStorage, dataDir);
  const journal = await openJournalOn(backend, { clock: hostClock, ids: uuidV7(hostClock, hostRandom()) });
  for (const drafts of commits) {
    const events = drafts.map((draft): PawlEvent => ({ ...draft, sequence: 0, at: 0 }));
    await new Promise<void>((resolve, reject) => {
      journal.append({ header: { at }, events }, (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }
  await journal.close();
  return dataDir;
}

/** The registration of the owner of these leases. */
export const remoteRegistered: EventDraft = {
  type: 'ActorRegistered',
  actorId: REMOTE,
  identity: 'a worker elsewhere',
  capabilities: [],
  heartbeatIntervalMs: 600_000,
};

/** A run that the remote actor has leased, its lease long in force; with `started` also running. */
export function leasedElsewhere(runId: string, attemptId?: string): EventDraft[] {
  const leased: EventDraft[] = [
    { type: 'RunStateChanged', runId, from: 'ready', to: 'leased' },
    { type: 'LeaseAcquired', runId, owner: REMOTE, expiryAt: 1_800_000_000_000 },
  ];
  if (attemptId === undefined) return leased;
  return [
    ...leased,
    { type: 'RunStateChanged', runId, from: 'leased', to: 'running' },
    { type: 'AttemptStarted', runId, attemptId, number: 1, owner: REMOTE },
  ];
}
