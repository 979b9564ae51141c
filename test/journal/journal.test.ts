// Group commit, order of durability and emission, refusals and poison: on memory, whose fsync the test holds.
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Commit, PawlEvent } from '../../src/domain/events.js';
import type { Limits } from '../../src/domain/limits.js';
import { PawlError } from '../../src/errors.js';
import { hostClock, hostRandom, uuidV7 } from '../../src/host-clock.js';
import type { Journal } from '../../src/journal/journal.js';
import type { BackendOpenRequest, OpenedLog } from '../../src/journal/journal-backend.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import type { LogFields, Logger } from '../../src/logger.js';
import type { JournalMachineEvent } from '../../src/machines/journal-machine.js';
import { appendDurably, heartbeat } from './backend-contract.js';

const ids = uuidV7(hostClock, hostRandom());
let backend = new MemoryBackend();

beforeEach(() => {
  backend = new MemoryBackend();
});

interface More {
  readonly limits?: Partial<Limits>;
  readonly logger?: Logger;
  readonly onLifecycle?: (event: JournalMachineEvent) => void;
}

async function open(more: More = {}): Promise<Journal> {
  return openJournalOn(backend, { clock: hostClock, ids, ...more });
}

function outcome(
  journal: Journal,
  name: string,
  log: string[],
): (error: PawlError | undefined, commit: Commit) => void {
  return (error, commit) => {
    log.push(
      error === undefined
        ? `${name}@${String(commit.firstSequence)}`
        : `${name}:${error.code}:${String(error.data['outcome'])}`,
    );
  };
}

const draft = (...events: PawlEvent[]): { header: { at: number }; events: PawlEvent[] } => ({
  header: { at: 5 },
  events,
});

async function turns(count = 30): Promise<void> {
  for (let index = 0; index < count; index++) await Promise.resolve();
}

describe('group commit', () => {
  it('covers a hundred commits that await together with at most two fsyncs', async () => {
    const journal = await open();
    await Promise.all(Array.from({ length: 100 }, () => appendDurably(journal, [heartbeat('a')])));
    expect(backend.syncs).toBeLessThanOrEqual(2);
  });

  it('gathers behind the batch in flight and sends what gathered as one', async () => {
    const journal = await open();
    const release = backend.holdSync();
    const log: string[] = [];
    journal.append(draft(heartbeat('a')), outcome(journal, 'a', log));
    await turns();
    for (const name of ['b', 'c', 'd']) {
      journal.append(draft(heartbeat(name)), outcome(journal, name, log));
      await turns();
    }
    expect(log).toEqual([]);
    expect(journal.pendingCommits).toBe(4);
    release();
    await journal.flush();
    expect(log).toEqual(['a@1', 'b@2', 'c@3', 'd@4']);
    expect(backend.syncs).toBe(2);
    expect(journal.pendingCommits).toBe(0);
  });

  it('emits nothing and acknowledges nothing before the fsync returned', async () => {
    const journal = await open();
    const release = backend.holdSync();
    const seen: number[] = [];
    journal.commits.subscribe((commit) => seen.push(commit.firstSequence));
    const done = appendDurably(journal, [heartbeat('a')]);
    await turns();
    expect([seen, journal.durableSequence, journal.currentSequence]).toEqual([[], 0, 1]);
    release();
    await done;
    expect([seen, journal.durableSequence]).toEqual([[1], 1]);
  });

  it('shows a commit to the stream before it tells the caller', async () => {
    const journal = await open();
    const log: string[] = [];
    journal.commits.subscribe(() => log.push('stream'));
    journal.append(draft(heartbeat('a')), () => log.push('caller'));
    await journal.flush();
    expect(log).toEqual(['stream', 'caller']);
  });

  it('keeps the order when a caller appends in turn', async () => {
    const journal = await open();
    const seen: number[] = [];
    journal.commits.subscribe((commit) => {
      seen.push(commit.firstSequence);
      if (commit.firstSequence < 5) journal.append(draft(heartbeat('again')), () => undefined);
    });
    await appendDurably(journal, [heartbeat('a')]);
    while (journal.pendingCommits > 0) await journal.flush();
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it('holds durable commits back while the test says so, and flush does not wait for them', async () => {
    const journal = await open();
    const release = journal.holdEmission();
    const log: string[] = [];
    journal.append(draft(heartbeat('a')), outcome(journal, 'a', log));
    await journal.flush();
    expect([log, journal.durableSequence]).toEqual([[], 1]);
    release();
    expect(log).toEqual(['a@1']);
  });

  it('goes on when a caller throws', async () => {
    const journal = await open();
    journal.append(draft(heartbeat('a')), () => {
      throw new Error('the caller');
    });
    expect((await appendDurably(journal, [heartbeat('b')])).firstSequence).toBe(2);
  });
});

describe('refusals', () => {
  it('refuses the batch and what gathered behind it when a write failed, and goes on at the same sequence', async () => {
    const journal = await open();
    await appendDurably(journal, [heartbeat('a')]);
    const log: string[] = [];
    backend.failNext(new PawlError('STORAGE_FULL', 'full', { outcome: 'notDone' }));
    const release = backend.holdSync();
    journal.append(draft(heartbeat('b')), outcome(journal, 'b', log));
    await turns();
    journal.append(draft(heartbeat('c')), outcome(journal, 'c', log));
    const flushed = journal.flush();
    release();
    await expect(flushed).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(log).toEqual(['b:STORAGE_FULL:notDone', 'c:STORAGE_FULL:notDone']);
    expect([journal.currentSequence, journal.lastAt]).toEqual([1, 1_000]);
    expect((await appendDurably(journal, [heartbeat('d')])).firstSequence).toBe(2);
  });

  it('is poisoned for good by an error of unknown outcome: the batch indeterminate, the rest not done', async () => {
    const lifecycle: string[] = [];
    const journal = await open({ onLifecycle: (event) => lifecycle.push(event.type) });
    const poisoned: PawlError[] = [];
    journal.onPoisoned((error) => poisoned.push(error));
    const log: string[] = [];
    backend.failNext(new PawlError('JOURNAL_POISONED', 'fsync failed', { cause: 'fsync' }));
    const release = backend.holdSync();
    journal.append(draft(heartbeat('a')), outcome(journal, 'a', log));
    await turns();
    journal.append(draft(heartbeat('b')), outcome(journal, 'b', log));
    release();
    await turns();
    expect(log).toEqual(['a:JOURNAL_POISONED:indeterminate', 'b:JOURNAL_POISONED:notDone']);
    expect(poisoned).toHaveLength(1);
    expect(() => journal.append(draft(heartbeat('c')), () => undefined)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_POISONED' }),
    );
    await expect(journal.flush()).rejects.toMatchObject({ code: 'JOURNAL_POISONED' });
    expect(backend.syncs).toBe(0);
    await journal.close();
    expect(lifecycle).toEqual(['opened', 'poisoned', 'draining', 'closed']);
  });

  it('refuses a commit above a limit and takes one at it', async () => {
    const event = heartbeat('x'.repeat(100));
    const journal = await open({ limits: { maxCommitEvents: 3, maxFrameBytes: 107 } });
    const append = (count: number, id: string): void => {
      journal.append(draft(...Array.from({ length: count }, () => heartbeat(id))), () => undefined);
    };
    append(2, 'a');
    append(3, 'a');
    expect(() => {
      append(4, 'a');
    }).toThrow(
      expect.objectContaining({ code: 'COMMIT_TOO_LARGE', data: expect.objectContaining({ events: 4 }) }),
    );
    expect(() => {
      append(0, 'a');
    }).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    // 93 05 92 26 d9 64 and 100 characters: 106 bytes.
    journal.append(draft(event), () => undefined);
    append(1, 'x'.repeat(101));
    expect(() => {
      append(1, 'x'.repeat(102));
    }).toThrow(
      expect.objectContaining({ code: 'COMMIT_TOO_LARGE', data: expect.objectContaining({ bytes: 108 }) }),
    );
    expect(journal.currentSequence).toBe(7);
    append(1, 'behind');
    await journal.flush();
    expect(journal.durableSequence).toBe(8);
    // What was refused has left nothing between the commits around it.
    const sizes: number[] = [];
    for await (const { events } of journal.read({ from: 1 })) sizes.push(events.length);
    expect(sizes).toEqual([2, 3, 1, 1, 1]);
  });

  it('refuses what a full queue cannot hold, keeps room for what is urgent, and recovers', async () => {
    const journal = await open({ limits: { maxQueuedCommands: 3 } });
    const release = backend.holdSync();
    const append = (urgent: boolean): void => {
      journal.append({ ...draft(heartbeat('a')), urgent }, () => undefined);
    };
    append(false);
    append(false);
    append(false);
    const full = expect.objectContaining({
      code: 'OVERLOADED',
      data: expect.objectContaining({ commits: 3, retryAfterMs: 100 }),
    });
    expect(() => {
      append(false);
    }).toThrow(full);
    append(true);
    append(true);
    append(true);
    expect(() => {
      append(true);
    }).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    release();
    await journal.flush();
    append(false);
    await journal.flush();
    expect(journal.durableSequence).toBe(7);
  });

  it('refuses more bytes than may wait', async () => {
    const journal = await open({ limits: { maxQueuedBytes: 200 } });
    journal.append(draft(heartbeat('x'.repeat(128))), () => undefined);
    journal.append(draft(heartbeat('x'.repeat(128))), () => undefined);
    expect(() => journal.append(draft(heartbeat('a')), () => undefined)).toThrow(
      expect.objectContaining({ code: 'OVERLOADED' }),
    );
  });

  it('refuses to begin an empty log elsewhere once it holds events', async () => {
    const journal = await open();
    await appendDurably(journal, [heartbeat('a')]);
    expect(() => {
      journal.beginAt(9);
    }).toThrow(
      expect.objectContaining({ code: 'SNAPSHOT_AHEAD', data: { snapshotSequence: 9, journalSequence: 1 } }),
    );
  });
});

describe('an empty log of which more is known', () => {
  class KnowingBackend extends MemoryBackend {
    override async open(request: BackendOpenRequest): Promise<OpenedLog> {
      return { ...(await super.open(request)), knownSequence: 5 };
    }
  }

  it('takes no commit, and begins behind nothing that knows less: only behind what stands for all of it', async () => {
    backend = new KnowingBackend();
    const journal = await open();
    const missing = expect.objectContaining({ code: 'ACKNOWLEDGED_DATA_MISSING' });
    expect(() => journal.append(draft(heartbeat('a')), () => undefined)).toThrow(missing);
    expect(() => {
      journal.beginAt(4);
    }).toThrow(missing);
    expect(() => journal.append(draft(heartbeat('a')), () => undefined)).toThrow(missing);
    journal.beginAt(5);
    expect((await appendDurably(journal, [heartbeat('a')])).firstSequence).toBe(6);
  });
});

describe('closing', () => {
  it('makes everything durable first, ends the stream, refuses what comes after, and can be repeated', async () => {
    const journal = await open();
    const log: string[] = [];
    let ended = false;
    journal.commits.subscribe({
      complete: () => {
        ended = true;
      },
    });
    journal.append(draft(heartbeat('a')), outcome(journal, 'a', log));
    await journal.close();
    await journal.close();
    expect([log, ended]).toEqual([['a@1'], true]);
    expect(() => journal.append(draft(heartbeat('b')), () => undefined)).toThrow(
      expect.objectContaining({ code: 'CLOSED' }),
    );
    await expect(journal.flush()).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

interface Lines {
  readonly logger: Logger;
  readonly lines: { level: string; fields: LogFields; message: string }[];
}

function keepingLines(): Lines {
  const lines: Lines['lines'] = [];
  const at = (level: string) => (fields: LogFields, message: string) => {
    lines.push({ level, fields, message });
  };
  return { logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines };
}

describe('what goes wrong twice', () => {
  const poison = (what: string): PawlError => new PawlError('JOURNAL_POISONED', what, { cause: 'fsync' });

  it('poisons once: the first error stays, is logged, and is told to whoever asks later', async () => {
    const { logger, lines } = keepingLines();
    const journal = await open({ logger });
    const [first, second] = [poison('first'), poison('second')];
    const heard: PawlError[] = [];
    journal.onPoisoned((error) => heard.push(error));
    journal.backendLost(first);
    journal.backendLost(second);
    journal.onPoisoned((error) => heard.push(error));
    expect([journal.poisonedBy, heard]).toEqual([first, [first, first]]);
    expect(lines.map(({ message, fields }) => [message, fields['err']])).toEqual([
      ['writer poisoned', first],
    ]);
    await journal.close();
  });

  it('a caller that throws when it is refused is logged, and the others are told', async () => {
    const { logger, lines } = keepingLines();
    const journal = await open({ logger });
    const thrown = new Error('the caller');
    const log: string[] = [];
    backend.failNext(new PawlError('STORAGE_FULL', 'full', { outcome: 'notDone' }));
    journal.append(draft(heartbeat('a')), () => {
      throw thrown;
    });
    journal.append(draft(heartbeat('b')), outcome(journal, 'b', log));
    await expect(journal.flush()).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    expect(log).toEqual(['b:STORAGE_FULL:notDone']);
    expect(lines).toEqual([
      {
        level: 'error',
        fields: { component: 'journal', err: thrown },
        message: 'a caller of the journal threw',
      },
    ]);
  });
});

describe('a check of the rest that fails for a reason that is no own one', () => {
  it('is logged and thrown, and is no damage: commits go on', async () => {
    const { logger, lines } = keepingLines();
    const failure = new TypeError('a fault of ours');
    Object.assign(backend, { checkRest: () => Promise.reject(failure) });
    const journal = await open({ logger });
    await expect(journal.checkRest()).rejects.toBe(failure);
    expect(lines).toMatchObject([{ level: 'error', fields: { err: failure } }]);
    expect((await appendDurably(journal, [heartbeat('a')])).firstSequence).toBe(1);
  });
});

describe('a boundary', () => {
  it('is anywhere when there are no segments', async () => {
    const journal = await open();
    const release = backend.holdSync();
    journal.append(draft(heartbeat('a')), () => undefined);
    await turns();
    let looks = 0;
    journal.atBoundary(() => looks++);
    expect(looks).toBe(1);
    release();
    await journal.flush();
  });

  it('of a journal that was closed ends nothing', async () => {
    let ended = 0;
    const endSegment = (): Promise<void> => {
      ended++;
      return Promise.resolve();
    };
    Object.assign(backend, { endSegment });
    const journal = await open();
    await appendDurably(journal, [heartbeat('a')]);
    let looks = 0;
    journal.atBoundary(() => looks++);
    await turns();
    expect([looks, ended]).toEqual([1, 1]);
    await journal.close();
    journal.atBoundary(() => looks++);
    await turns();
    expect([looks, ended]).toEqual([2, 1]);
  });
});

describe('log lines', () => {
  it('says each commit that was appended at debug, and poison at error', async () => {
    const { logger, lines } = keepingLines();
    const journal = await open({ logger });
    await appendDurably(journal, [heartbeat('a'), heartbeat('b')]);
    const failure = new PawlError('JOURNAL_POISONED', 'no', {
      segment: 's.wal',
      offset: 7,
      truncateOk: false,
      cause: 'write',
    });
    backend.failNext(failure);
    await expect(appendDurably(journal, [heartbeat('c')])).rejects.toMatchObject({
      code: 'JOURNAL_POISONED',
    });
    expect(lines).toEqual([
      {
        level: 'debug',
        fields: { component: 'journal', sequence: 1, events: 2 },
        message: 'commit appended',
      },
      {
        level: 'error',
        fields: {
          component: 'journal',
          err: failure,
          segment: 's.wal',
          offset: 7,
          truncateOk: false,
          cause: 'write',
        },
        message: 'writer poisoned',
      },
    ]);
  });
});
