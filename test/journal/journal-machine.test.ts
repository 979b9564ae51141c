// The life of the journal as a machine: its states, and the real journal driving it.
import { describe, expect, it } from '@jest/globals';
import { createActor, type StateValue } from 'xstate';
import { PawlError, isPawlError } from '../../src/errors.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { journalMachine, type JournalMachineEvent } from '../../src/machines/journal-machine.js';
import { appendDurably, heartbeat } from './backend-contract.js';

const failure = new PawlError('JOURNAL_POISONED', 'fsync failed');
const opened: JournalMachineEvent = { type: 'opened', epoch: 3, sequence: 9 };
const recovered: JournalMachineEvent = { type: 'recovered' };
const began: JournalMachineEvent = { type: 'rotationBegan', sequence: 12 };
const ended: JournalMachineEvent = { type: 'rotationEnded', sequence: 12 };
const draining: JournalMachineEvent = { type: 'draining' };
const poisoned: JournalMachineEvent = { type: 'poisoned', error: failure };
const closed: JournalMachineEvent = { type: 'closed', sequence: 15 };

function statesAfter(...events: JournalMachineEvent[]): StateValue[] {
  const actor = createActor(journalMachine).start();
  const states: StateValue[] = [actor.getSnapshot().value];
  for (const event of events) {
    actor.send(event);
    states.push(actor.getSnapshot().value);
  }
  return states;
}

describe('the journal machine', () => {
  it.each<[string, JournalMachineEvent[], string[]]>([
    [
      'opens, recovers, rotates and closes',
      [opened, recovered, began, ended, draining, closed],
      ['recovering', 'ready', 'rotating', 'ready', 'draining', 'closed'],
    ],
    ['is closed when opening fails', [{ type: 'openFailed', error: failure }], ['closed']],
    [
      'rotates while it recovers and while it drains without leaving either',
      [opened, began, ended, draining, began, ended],
      ['recovering', 'recovering', 'recovering', 'draining', 'draining', 'draining'],
    ],
    [
      'is poisoned while it rotates',
      [opened, recovered, began, poisoned],
      ['recovering', 'ready', 'rotating', 'poisoned'],
    ],
    [
      'stays poisoned until it is closed',
      [opened, recovered, poisoned, recovered, began, draining, closed],
      ['recovering', 'ready', 'poisoned', 'poisoned', 'poisoned', 'poisoned', 'closed'],
    ],
    ['takes nothing out of turn', [recovered, draining, closed], ['opening', 'opening', 'opening']],
  ])('%s', (_what, events, states) => {
    expect(statesAfter(...events)).toEqual(['opening', ...states]);
  });

  it('remembers epoch, position and error', () => {
    const actor = createActor(journalMachine).start();
    for (const event of [opened, recovered, began, poisoned]) actor.send(event);
    expect(actor.getSnapshot().context).toEqual({ epoch: 3, sequence: 12, error: failure });
  });

  it('follows a real journal through its life', async () => {
    const states: StateValue[] = [];
    const actor = createActor(journalMachine);
    actor.subscribe((snapshot) => states.push(snapshot.value));
    actor.start();
    const backend = new MemoryBackend();
    const journal = await openJournalOn(backend, {
      clock: hostClock,
      ids: uuidV7(hostClock, hostRandom()),
      onLifecycle: (event) => {
        actor.send(event);
      },
    });
    journal.markReady();
    await appendDurably(journal, [heartbeat('a')]);
    backend.failNext(failure);
    await appendDurably(journal, [heartbeat('b')]).catch((error: unknown) => {
      if (!isPawlError(error)) throw error;
    });
    await journal.close();
    expect(states).toEqual(['opening', 'recovering', 'ready', 'poisoned', 'poisoned', 'closed']);
  });
});
