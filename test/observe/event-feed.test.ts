// The events reach every kind of reader in order, without gap or duplicate, whatever the others do.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { firstValueFrom, map, share, take, toArray, type Observable } from 'rxjs';
import type { PawlEvent } from '../../src/domain/events.js';
import { isPawlError, PawlError } from '../../src/errors.js';
import { feedFixture, turn, until, upTo, type FeedFixture } from './support/stream-fixture.js';

function collect(
  fixture: FeedFixture,
  from?: number,
): { readonly seen: number[]; readonly ended: unknown[]; readonly stop: () => void } {
  const seen: number[] = [];
  const ended: unknown[] = [];
  const subscription = fixture.feed.events(from === undefined ? {} : { from }).subscribe({
    next: (event) => {
      seen.push(event.sequence);
    },
    error: (error: unknown) => {
      ended.push(error);
    },
    complete: () => {
      ended.push('complete');
    },
  });
  return {
    seen,
    ended,
    stop: () => {
      subscription.unsubscribe();
    },
  };
}

describe('events, observed', () => {
  it('begin with the subscription when no sequence is named', () => {
    const fixture = feedFixture({ history: 3 });
    const { seen } = collect(fixture);
    fixture.journal.emit(2);
    expect(seen).toEqual([4, 5]);
  });

  it('join history and live without gap or duplicate, from every offset, under load', async () => {
    const fixture = feedFixture({ history: 40, emitBacklog: 16 });
    const readers: { from: number; seen: number[] }[] = [];
    for (let from = 1; from <= 60; from++) {
      readers.push({ from, seen: collect(fixture, from).seen });
      fixture.journal.emit(1 + (from % 3));
      if (from % 4 === 0) await turn();
    }
    await until(() => readers.every(({ seen }) => seen.at(-1) === fixture.journal.latest));
    for (const { from, seen } of readers) expect(seen).toEqual(upTo(fixture.journal.latest, from));
    expect(fixture.feed.cursors).toBe(0);
  });

  it('never miss or repeat one, whatever the interleaving of emission, reads and slices', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('emit' as const), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ kind: fc.constant('join' as const), back: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ kind: fc.constant('turn' as const) }),
      fc.record({ kind: fc.constant('leave' as const), which: fc.nat(20) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.record({
          emitBacklog: fc.integer({ min: 1, max: 20 }),
          stepMs: fc.constantFrom(0, 1, 3),
          history: fc.integer({ min: 0, max: 30 }),
        }),
        async (steps, { emitBacklog, stepMs, history }) => {
          const fixture = feedFixture({ history, emitBacklog });
          fixture.clock.stepMs = stepMs;
          const readers: { from: number; seen: number[]; gone: boolean; stop: () => void }[] = [];
          for (const next of steps) {
            if (next.kind === 'emit') fixture.journal.emit(next.count);
            else if (next.kind === 'turn') await turn();
            else if (next.kind === 'join') {
              const from = Math.max(1, fixture.journal.latest + 1 - next.back);
              readers.push({ from, gone: false, ...collect(fixture, from) });
            } else {
              const reader = readers[next.which];
              reader?.stop();
              if (reader !== undefined) reader.gone = true;
            }
          }
          await until(() =>
            readers.every(
              ({ gone, from, seen }) => gone || seen.length === fixture.journal.latest - from + 1,
            ),
          );
          for (const { from, seen } of readers) expect(seen).toEqual(upTo(from + seen.length - 1, from));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('wait for a sequence that lies ahead', () => {
    const fixture = feedFixture({ history: 2 });
    const { seen } = collect(fixture, 5);
    fixture.journal.emit(2);
    fixture.journal.emit(2);
    expect(seen).toEqual([5, 6]);
  });

  it('begin in the middle of a commit', async () => {
    const fixture = feedFixture();
    fixture.journal.emit(5);
    const { seen } = collect(fixture, 3);
    await until(() => seen.length === 3);
    expect(seen).toEqual([3, 4, 5]);
  });

  it('are read from the journal when emission is more than emitBacklog behind, so that memory stays bounded', async () => {
    const fixture = feedFixture({ emitBacklog: 10 });
    fixture.clock.stepMs = 10;
    const { seen } = collect(fixture);
    let mostKept = 0;
    for (let index = 0; index < 200; index++) {
      fixture.journal.emit();
      mostKept = Math.max(mostKept, fixture.window.events);
    }
    await until(() => seen.length === 200);
    expect(seen).toEqual(upTo(200));
    expect(mostKept).toBe(10);
    expect(fixture.journal.reads).toBeGreaterThan(0);
  });

  it('are kept only until everybody has taken them', async () => {
    const fixture = feedFixture();
    const { seen } = collect(fixture);
    const kept = new Set<number>();
    for (let index = 0; index < 200; index++) {
      fixture.journal.emit();
      await until(() => seen.length === index + 1);
      kept.add(fixture.window.events);
    }
    expect(kept).toEqual(new Set([1]));
  });

  it('are kept for the slowest, and let go of once it has taken them', async () => {
    const fixture = feedFixture();
    const slow = fixture.feed.events()[Symbol.asyncIterator]();
    const fast = collect(fixture);
    for (let index = 0; index < 5; index++) fixture.journal.emit();
    expect({ seen: fast.seen, kept: fixture.window.events }).toEqual({ seen: upTo(5), kept: 5 });
    for (const sequence of upTo(5)) expect((await slow.next()).value?.sequence).toBe(sequence);
    fixture.journal.emit();
    expect(fixture.window.events).toBe(1);
    expect(fixture.journal.reads).toBe(0);
  });

  it('are emitted in slices: a slice ends after 5 ms and the rest follows in later turns', async () => {
    const fixture = feedFixture();
    fixture.clock.stepMs = 1;
    const { seen } = collect(fixture);
    fixture.journal.emit(100);
    const inFirstTurn = seen.length;
    await until(() => seen.length === 100);
    expect(inFirstTurn).toBeGreaterThan(0);
    expect(inFirstTurn).toBeLessThanOrEqual(5);
    expect(fixture.clock.turns).toBeGreaterThanOrEqual(100 / 5);
    expect(seen).toEqual(upTo(100));
  });

  it('share one slice a turn between many commits', async () => {
    const fixture = feedFixture();
    fixture.clock.stepMs = 1;
    const { seen } = collect(fixture);
    for (let index = 0; index < 100; index++) fixture.journal.emit();
    expect(seen.length).toBeLessThanOrEqual(5);
    await until(() => seen.length === 100);
    expect(seen).toEqual(upTo(100));
  });

  it('are frozen, with everything in them', async () => {
    const fixture = feedFixture();
    const next = firstValueFrom(fixture.feed.events());
    fixture.journal.emitEvents([{ type: 'RunsPruned', sequence: 0, at: 0, runIds: ['a', 'b'] }]);
    const event = (await next) as PawlEvent<'RunsPruned'>;
    expect(Object.isFrozen(event)).toBe(true);
    expect(Object.isFrozen(event.runIds)).toBe(true);
  });

  it('are not frozen, and not kept, while nobody looks', () => {
    const fixture = feedFixture();
    const { stop } = collect(fixture);
    stop();
    fixture.journal.emit();
    const commit = fixture.journal.emit();
    expect(Object.isFrozen(commit.events[0])).toBe(false);
    expect(fixture.window.events).toBe(0);
  });

  it('refuse a sequence below the first that is kept, naming that one', () => {
    const fixture = feedFixture({ history: 5 });
    fixture.journal.firstSequence = 4;
    expect(collect(fixture, 3).ended).toMatchObject([
      { code: 'HISTORY_GONE', data: { from: 3, firstAvailable: 4 } },
    ]);
    expect(collect(fixture, 4).ended).toEqual([]);
  });

  it('fail with HISTORY_GONE, never silently, when history is removed while it is read', async () => {
    const fixture = feedFixture({ history: 10 });
    fixture.journal.onRead = () => {
      fixture.journal.onRead = () => undefined;
      fixture.journal.kept.splice(2, 3);
    };
    const { seen, ended } = collect(fixture, 1);
    await until(() => ended.length === 1);
    expect(seen.at(-1)).toBeLessThan(10);
    expect(seen).toEqual(upTo(seen.length));
    expect(ended).toMatchObject([{ code: 'HISTORY_GONE', data: { from: seen.length + 1 } }]);
  });

  it('come from memory for whoever is level, however many there are', async () => {
    const fixture = feedFixture();
    fixture.clock.stepMs = 1;
    const live = collect(fixture);
    const pulled = (async () => {
      const seen: number[] = [];
      for await (const { sequence } of fixture.feed.events()) if (seen.push(sequence) === 40) break;
      return seen;
    })();
    for (let index = 0; index < 40; index++) {
      fixture.journal.emit();
      if (index % 8 === 0) await turn();
    }
    expect(await pulled).toEqual(upTo(40));
    await until(() => live.seen.length === 40);
    expect(fixture.journal.reads).toBe(0);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuse to begin at %p', (from) => {
    expect(() => feedFixture().feed.events({ from })).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
  });

  it('refuse one cursor more than maxCursors, and take it when one is given back', async () => {
    const fixture = feedFixture({ history: 5, maxCursors: 2 });
    const first = collect(fixture, 1);
    const second = collect(fixture, 1);
    const third = collect(fixture, 1);
    expect(second.ended).toEqual([]);
    expect(third.ended).toMatchObject([{ code: 'LIMIT_EXCEEDED', data: { limit: 'maxCursors', value: 2 } }]);
    await until(() => first.seen.length === 5 && second.seen.length === 5);
    expect(collect(fixture, 1).ended).toEqual([]);
  });

  it('end with ABORTED by their signal', async () => {
    const fixture = feedFixture();
    const abort = new AbortController();
    const ended: unknown[] = [];
    fixture.feed.events({ signal: abort.signal }).subscribe({ error: (error: unknown) => ended.push(error) });
    abort.abort(new Error('enough'));
    fixture.journal.emit();
    await turn();
    expect(ended).toMatchObject([{ code: 'ABORTED', cause: { message: 'enough' } }]);
  });

  it('fail with the error of the journal when history cannot be read, and hurt no live observer', async () => {
    const fixture = feedFixture({ history: 3 });
    fixture.journal.failReads = new PawlError('JOURNAL_CORRUPT', 'damaged');
    const live = collect(fixture);
    const late = collect(fixture, 1);
    await until(() => late.ended.length === 1);
    fixture.journal.emit();
    expect(late.ended).toMatchObject([{ code: 'JOURNAL_CORRUPT' }]);
    expect(live.seen).toEqual([4]);
  });
});

describe('a bad subscriber of events', () => {
  it('that throws is ended, is reported, and disturbs nobody', async () => {
    const fixture = feedFixture();
    const bad: number[] = [];
    const before = collect(fixture);
    const subscription = fixture.feed.events().subscribe((event) => {
      bad.push(event.sequence);
      throw new Error('bad subscriber');
    });
    const after = collect(fixture);
    fixture.journal.emit(3);
    await turn();
    expect(bad).toEqual([1]);
    expect(subscription.closed).toBe(true);
    expect(fixture.thrown).toMatchObject([{ message: 'bad subscriber' }]);
    expect(before.seen).toEqual([1, 2, 3]);
    expect(after.seen).toEqual([1, 2, 3]);
  });

  it.each([
    [
      'behind operators',
      (fixture: FeedFixture): Observable<unknown> =>
        fixture.feed.events().pipe(map((event) => event.sequence)),
    ],
    [
      'behind a shared subscription',
      (fixture: FeedFixture): Observable<unknown> => fixture.feed.events().pipe(share()),
    ],
  ])('that throws %s is no uncaught exception either', async (_name, piped) => {
    const fixture = feedFixture();
    piped(fixture).subscribe(() => {
      throw new Error('bad subscriber');
    });
    fixture.journal.emit(2);
    await turn();
    await turn();
    expect(fixture.thrown).toMatchObject([{ message: 'bad subscriber' }]);
  });

  it('whose operator throws and who handles no errors is reported', async () => {
    const fixture = feedFixture();
    fixture.feed
      .events()
      .pipe(
        map(() => {
          throw new Error('bad operator');
        }),
      )
      .subscribe();
    fixture.journal.emit();
    await turn();
    expect(fixture.thrown).toMatchObject([{ message: 'bad operator' }]);
  });

  it('that commits from inside sees its own events after the present one, as does everybody', async () => {
    const fixture = feedFixture();
    const other = collect(fixture);
    const seen: number[] = [];
    fixture.feed.events().subscribe((event) => {
      seen.push(event.sequence);
      if (event.sequence <= 3) fixture.journal.emit(2);
    });
    const third = collect(fixture);
    fixture.journal.emit();
    await until(() => seen.length === 7);
    expect(seen).toEqual(upTo(7));
    expect(other.seen).toEqual(upTo(7));
    expect(third.seen).toEqual(upTo(7));
  });

  it('that subscribes and unsubscribes others from inside neither repeats nor skips an event', async () => {
    const fixture = feedFixture();
    const inner: number[][] = [];
    const victim = collect(fixture);
    fixture.feed.events().subscribe((event) => {
      if (event.sequence === 2) victim.stop();
      inner.push(collect(fixture, event.sequence).seen);
    });
    fixture.journal.emit(2);
    fixture.journal.emit(1);
    await until(() => inner.length === 3 && inner.every((seen) => seen.at(-1) === 3));
    expect(inner).toEqual([[1, 2, 3], [2, 3], [3]]);
    expect(victim.seen.at(-1)).toBeLessThanOrEqual(2);
  });

  it('that is slow delays only the rest of the slice, and loses nothing', async () => {
    const fixture = feedFixture({ emitBacklog: 5 });
    const slow: number[] = [];
    fixture.feed.events().subscribe((event) => {
      fixture.clock.monoMs += 50;
      slow.push(event.sequence);
    });
    for (let index = 0; index < 30; index++) fixture.journal.emit();
    expect(slow).toEqual([1]);
    await until(() => slow.length === 30);
    expect(slow).toEqual(upTo(30));
  });
});

describe('events, pulled', () => {
  async function pull(events: AsyncIterable<PawlEvent>, count: number): Promise<number[]> {
    const seen: number[] = [];
    for await (const event of events) {
      seen.push(event.sequence);
      if (seen.length === count) break;
    }
    return seen;
  }

  it('come from the journal and then live', async () => {
    const fixture = feedFixture({ history: 3 });
    const pulled = pull(fixture.feed.events({ from: 2 }), 4);
    await turn();
    fixture.journal.emit(1);
    fixture.journal.emit(2);
    expect(await pulled).toEqual([2, 3, 4, 5]);
    expect(fixture.feed.cursors).toBe(0);
  });

  it('join at every offset of a running workload without gap or duplicate, at any pace', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 40 }),
        async (emitBacklog, pauses) => {
          const fixture = feedFixture({ history: 10, emitBacklog });
          const readers = upTo(10).map(async (from) => {
            const seen: number[] = [];
            for await (const event of fixture.feed.events({ from })) {
              seen.push(event.sequence);
              if (event.sequence % 3 === from % 3) await turn();
              if (event.sequence >= 10 + pauses.length) break;
            }
            expect(seen).toEqual(upTo(10 + pauses.length, from));
          });
          for (const pause of pauses) {
            fixture.journal.emit();
            for (let turns = 0; turns < pause; turns++) await turn();
          }
          await Promise.all(readers);
          expect(fixture.window.events).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keep nothing for one that does not pull: it reads from the journal when it is behind', async () => {
    const fixture = feedFixture({ emitBacklog: 4 });
    const iterator = fixture.feed.events()[Symbol.asyncIterator]();
    for (let index = 0; index < 50; index++) fixture.journal.emit();
    expect(fixture.window.events).toBe(4);
    for (let expected = 1; expected <= 50; expected++) {
      expect(await iterator.next()).toMatchObject({ done: false, value: { sequence: expected } });
    }
    await iterator.return?.();
  });

  it('answer overlapping calls in order, and a waiting one with done when they are given back', async () => {
    const fixture = feedFixture();
    const iterator = fixture.feed.events()[Symbol.asyncIterator]();
    const calls = [iterator.next(), iterator.next(), iterator.next()];
    fixture.journal.emit(2);
    expect(await calls[0]).toMatchObject({ value: { sequence: 1 } });
    expect(await calls[1]).toMatchObject({ value: { sequence: 2 } });
    await iterator.return?.();
    expect(await calls[2]).toEqual({ done: true, value: undefined });
  });

  it('reject with HISTORY_GONE, LIMIT_EXCEEDED and ABORTED', async () => {
    const fixture = feedFixture({ history: 3, maxCursors: 1 });
    const open = fixture.feed.events()[Symbol.asyncIterator]();
    await expect(pull(fixture.feed.events(), 1)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await open.return?.();
    const abort = new AbortController();
    const waiting = pull(fixture.feed.events({ signal: abort.signal }), 1);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    fixture.journal.firstSequence = 2;
    await expect(pull(fixture.feed.events({ from: 1 }), 1)).rejects.toMatchObject({
      code: 'HISTORY_GONE',
      data: { firstAvailable: 2 },
    });
    expect(fixture.feed.cursors).toBe(0);
  });
});

describe('the end of the events', () => {
  it('comes after everything durable was delivered, to live and late observers and to iterators', async () => {
    const fixture = feedFixture({ history: 20 });
    fixture.clock.stepMs = 10;
    const live = collect(fixture);
    const late = collect(fixture, 1);
    const pulled = firstValueFrom(fixture.feed.events().pipe(take(3), toArray()));
    const iterated = (async () => {
      let last = 0;
      for await (const event of fixture.feed.events({ from: 10 })) last = event.sequence;
      return last;
    })();
    fixture.journal.emit(5);
    fixture.feed.end();
    expect(live.ended).toEqual([]);
    await until(() => live.ended.length === 1 && late.ended.length === 1);
    expect(live).toMatchObject({ seen: upTo(25, 21), ended: ['complete'] });
    expect(late).toMatchObject({ seen: upTo(25), ended: ['complete'] });
    expect(await iterated).toBe(25);
    expect(await pulled).toHaveLength(3);
    expect(fixture.feed.drained).toBe(true);
    expect(collect(fixture, 1).ended).toMatchObject([{ code: 'CLOSED' }]);
    expect(collect(fixture).ended).toMatchObject([{ code: 'CLOSED' }]);
  });

  it('is the error of a poisoned journal, after the last durable event; history can still be read', async () => {
    const fixture = feedFixture({ history: 3 });
    const live = collect(fixture);
    const poison = new PawlError('JOURNAL_POISONED', 'fsync failed');
    fixture.journal.emit();
    fixture.feed.end(poison);
    expect(live).toMatchObject({ seen: [4], ended: [poison] });
    const late = collect(fixture, 2);
    await until(() => late.ended.length === 1);
    expect(late).toMatchObject({ seen: [2, 3, 4], ended: [poison] });
    await expect(
      (async () => {
        for await (const event of fixture.feed.events({ from: 4 })) expect(event.sequence).toBe(4);
      })(),
    ).rejects.toBe(poison);
  });

  it('cuts off an observer that is behind, telling it where to go on', async () => {
    const fixture = feedFixture({ history: 10 });
    fixture.clock.stepMs = 10;
    const late = collect(fixture, 1);
    const live = collect(fixture);
    fixture.journal.emit(5);
    await until(() => late.seen.length === 2);
    fixture.feed.end();
    fixture.feed.cutOff();
    expect(late.ended).toMatchObject([{ code: 'CLOSED', data: { resumeFrom: late.seen.length + 1 } }]);
    expect(live.ended).toHaveLength(1);
    expect(isPawlError(live.ended[0], 'CLOSED')).toBe(true);
    expect(fixture.feed.drained).toBe(true);
  });
});
