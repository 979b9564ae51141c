// A place in the stream may be given up and taken again while a read of the old one is still under way: what that
// read brings, or how it fails, is news of the past and concerns nobody any more.
import { describe, expect, it } from '@jest/globals';
import type { Commit } from '../../src/domain/events.js';
import { CommitCursor } from '../../src/observe/commit-cursor.js';
import { CommitFollower } from '../../src/observe/commit-follower.js';
import { CommitWindow } from '../../src/observe/commit-window.js';
import type { ObservedJournal } from '../../src/observe/ports.js';
import { Slicer } from '../../src/observe/slicer.js';
import { FakeJournal, TestClock, turn } from './support/stream-fixture.js';

interface Answer {
  /** Position after which the read began. */
  readonly after: number;
  give(commit: Commit): void;
  fail(error: Error): void;
}

/** Commits of one event each, 1 … 9, which are read when the test says so. */
function held() {
  const source = new FakeJournal();
  const commits = Array.from({ length: 9 }, () => source.emit());
  const asked: Answer[] = [];
  const journal: ObservedJournal = {
    firstSequence: 1,
    read: ({ from }) => ({
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise<IteratorResult<Commit>>((resolve, reject) => {
            asked.push({
              after: from - 1,
              give: (value) => {
                resolve({ done: false, value });
              },
              fail: reject,
            });
          }),
      }),
    }),
  };
  const commit = (sequence: number): Commit => {
    const found = commits[sequence - 1];
    if (found === undefined) throw new Error(`no commit ${String(sequence)}`);
    return found;
  };
  return { journal, window: new CommitWindow(commits.length, 100), asked, commit };
}

function follower() {
  const { journal, window, asked, commit } = held();
  const delivered: number[] = [];
  const failures: unknown[] = [];
  const slicer = new Slicer(new TestClock(), (fault) => {
    throw fault;
  });
  const follower = new CommitFollower(
    { journal, window, slicer },
    {
      wanted: true,
      begin: ({ firstSequence }) => void delivered.push(firstSequence),
      step: () => false,
      caughtUp: () => undefined,
      failed: (error) => void failures.push(error),
    },
  );
  /** Begins anew after `position` while a read of the place before is under way. */
  const restart = (position: number): void => {
    follower.stop();
    follower.start(position);
    follower.wake();
  };
  follower.start(4);
  follower.wake();
  return { asked, commit, delivered, failures, restart };
}

describe('a follower that begins anew while it reads', () => {
  it('delivers nothing of the old read, and asks for nothing twice', async () => {
    const { asked, commit, delivered, restart } = follower();
    restart(0);
    asked[0]?.give(commit(5));
    await turn();
    expect(delivered).toEqual([]);
    expect(asked.map(({ after }) => after)).toEqual([4, 0]);
    asked[1]?.give(commit(1));
    await turn();
    expect(delivered).toEqual([1]);
  });

  it('takes no harm from the failure of the old read', async () => {
    const { asked, commit, delivered, failures, restart } = follower();
    restart(0);
    asked[0]?.fail(new Error('the old read'));
    await turn();
    expect(failures).toEqual([]);
    asked[1]?.give(commit(1));
    await turn();
    expect({ delivered, failures }).toEqual({ delivered: [1], failures: [] });
  });
});

describe('a cursor that is put somewhere else while it reads', () => {
  it('stays where it was put', async () => {
    const { journal, window, asked, commit } = held();
    const cursor = new CommitCursor(window, journal);
    cursor.open(4);
    const old = cursor.fetch();
    cursor.close();
    cursor.open(0);
    asked[0]?.give(commit(5));
    expect(await old).toBeUndefined();
    expect(cursor.position).toBe(0);
    const next = cursor.fetch();
    asked[1]?.give(commit(1));
    expect(await next).toBe(commit(1));
    expect(cursor.position).toBe(1);
  });
});
