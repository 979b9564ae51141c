// The way of a command: admission, locks, decision, one commit, the answer; a refusal gives every lock back.
import { describe, expect, it } from '@jest/globals';
import { LiveContext } from '../../src/commands/live-context.js';
import { LockTable } from '../../src/commands/lock-table.js';
import { CommandPipeline } from '../../src/commands/pipeline.js';
import type { Command } from '../../src/decisions/command.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/domain/limits.js';
import { PawlError } from '../../src/errors.js';
import { uuidV7 } from '../../src/host-clock.js';
import { MemoryBackend } from '../../src/journal/memory-backend.js';
import { openJournalOn } from '../../src/journal/open-journal-on.js';
import { transitionTable } from '../../src/machines/transition-table.js';
import { Projections } from '../../src/projections/projections.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { seededRandom } from '../../src/testing/test-orchestrator.js';
import { gate, refusal, turns } from '../acceptance/support/handlers.js';

/** A command that pauses or resumes, whichever is legal, under the locks it is given. */
const toggle: Command<{ keys: readonly string[]; refuse?: string }, { paused: boolean }> = {
  name: 'toggle',
  admission: false,
  locks: (args) => args.keys,
  decide(context, args) {
    if (args.refuse === 'typed') throw new PawlError('NOT_PAUSED', 'refused');
    if (args.refuse === 'untyped') throw new TypeError('a defect');
    const { paused } = context.state.engine;
    return { events: [{ type: paused ? 'EngineResumed' : 'EnginePaused', sequence: 0, at: 0 }] };
  },
  result(commit, args) {
    if (args.refuse === 'result') throw new TypeError('a defect in the answer');
    return { paused: commit.events[0]?.type === 'EnginePaused' };
  },
};
/** An admission that meets no other. */
const admit: Command<{ keys: readonly string[] }, { paused: boolean }> = {
  ...toggle,
  name: 'admit',
  admission: true,
  decide: () => ({ events: [{ type: 'ClockJumped', sequence: 0, at: 0, fromAt: 0, toAt: 0 }] }),
};

async function pipeline(given: Partial<Limits> = {}) {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const clock = new ManualClock();
  const random = seededRandom(1);
  const ids = uuidV7(clock, random);
  const backend = new MemoryBackend();
  const journal = await openJournalOn(backend, { clock, ids });
  journal.markReady();
  const state = new Projections();
  journal.commits.subscribe((commit) => {
    state.apply(commit);
  });
  const locks = new LockTable();
  let released = 0;
  const context = new LiveContext({
    state,
    journal,
    clock,
    ids,
    random,
    limits,
    transitions: transitionTable,
  });
  const commands = new CommandPipeline({ context, journal, locks, onReleased: () => released++ });
  return { commands, backend, journal, state, locks, clock, released: () => released };
}

describe('a command', () => {
  it('is answered when its commit is durable and applied, and gives its locks back', async () => {
    const { commands, backend, state, locks, released } = await pipeline();
    const release = backend.holdSync();
    let answered = false;
    const answer = commands.execute(toggle, { keys: ['a', 'b'] }).finally(() => (answered = true));
    await turns();
    expect({ answered, paused: state.engine.paused, held: locks.size, queued: commands.queued }).toEqual({
      answered: false,
      paused: false,
      held: 2,
      queued: 1,
    });
    release();
    expect(await answer).toEqual({ paused: true });
    expect(state.engine.paused).toBe(true);
    expect({ held: locks.size, queued: commands.queued, released: released() }).toEqual({
      held: 0,
      queued: 0,
      released: 1,
    });
  });

  it('is decided on what the one before it made durable, when they share a lock', async () => {
    const { commands, backend } = await pipeline();
    const answers = await Promise.all([1, 2, 3].map(() => commands.execute(toggle, { keys: ['a'] })));
    expect(answers.map(({ paused }) => paused)).toEqual([true, false, true]);
    expect(backend.syncs).toBe(3);
  });

  it('shares a batch with others whose locks are not its own', async () => {
    const { commands, backend } = await pipeline();
    const release = backend.holdSync();
    const one = commands.execute(toggle, { keys: ['a'] });
    await turns();
    const others = ['b', 'c'].map((key) => commands.execute(admit, { keys: [key] }).catch(() => undefined));
    await turns();
    release();
    await Promise.all([one, ...others]);
    expect(backend.syncs).toBe(2);
  });

  it.each(['typed', 'untyped'])(
    'that is refused (%s) writes nothing and gives its locks back',
    async (refuse) => {
      const { commands, journal, locks } = await pipeline();
      await expect(commands.execute(toggle, { keys: ['a'], refuse })).rejects.toThrow();
      expect({ held: locks.size, queued: commands.queued, sequence: journal.currentSequence }).toEqual({
        held: 0,
        queued: 0,
        sequence: 0,
      });
      expect(await commands.execute(toggle, { keys: ['a'] })).toEqual({ paused: true });
    },
  );

  it('whose answer cannot be made is refused, not forgotten', async () => {
    const { commands } = await pipeline();
    await expect(commands.execute(toggle, { keys: ['a'], refuse: 'result' })).rejects.toThrow(
      'a defect in the answer',
    );
    expect(commands.queued).toBe(0);
  });

  it('whose write fails gives its locks back, and the next one goes on', async () => {
    const { commands, backend, locks } = await pipeline();
    backend.failNext(new PawlError('STORAGE_FULL', 'simulated'));
    await refusal(commands.execute(toggle, { keys: ['a'] }), 'STORAGE_FULL');
    expect(locks.size).toBe(0);
    expect(await commands.execute(toggle, { keys: ['a'] })).toEqual({ paused: true });
  });

  it('waiting for a lock is refused when the pipeline is closed meanwhile', async () => {
    const { commands, backend } = await pipeline();
    const release = backend.holdSync();
    const one = commands.execute(toggle, { keys: ['a'] });
    const waiting = refusal(commands.execute(toggle, { keys: ['a'] }), 'CLOSED');
    await turns();
    commands.close(new PawlError('CLOSED', 'closed'));
    release();
    expect(await one).toEqual({ paused: true });
    await waiting;
    await refusal(commands.execute(toggle, { keys: ['b'] }), 'CLOSED');
  });
});

describe('a full queue', () => {
  it('refuses admissions at its limit, and what keeps the engine going a tenth later', async () => {
    const { commands, backend } = await pipeline({ maxQueuedCommands: 10 });
    const release = backend.holdSync();
    const waiting: Promise<unknown>[] = [];
    const key = (): readonly string[] => [`k${String(waiting.length)}`];
    const settle = (promise: Promise<unknown>): void => {
      waiting.push(promise.catch(() => undefined));
    };
    for (let count = 0; count < 10; count++) settle(commands.execute(admit, { keys: key() }));
    const error = await refusal(commands.execute(admit, { keys: key() }), 'OVERLOADED');
    expect(error.data).toMatchObject({ limit: 'maxQueuedCommands', queued: 10 });
    settle(commands.execute(toggle, { keys: key() }));
    await refusal(commands.execute(toggle, { keys: key() }), 'OVERLOADED');
    release();
    await Promise.all(waiting);
    expect(commands.queued).toBe(0);
    await expect(commands.execute(admit, { keys: ['later'] })).resolves.toBeDefined();
  });

  it('counts whoever waits for the answer to a commandId, in flight and long given', async () => {
    const { commands, backend } = await pipeline({ maxQueuedCommands: 3 });
    const release = backend.holdSync();
    const same = (): Promise<unknown> => commands.execute(admit, { keys: ['a'] }, { commandId: 'c1' });
    const waiting = [same(), same()];
    expect(commands.queued).toBe(2);
    waiting.push(same());
    await refusal(same(), 'OVERLOADED');
    release();
    await Promise.all(waiting);
    expect(commands.queued).toBe(0);
    const late = [same(), same(), same()];
    await refusal(same(), 'OVERLOADED');
    await Promise.all(late);
    expect(commands.queued).toBe(0);
  });

  it('counts what a command has to wait for before it is decided, also when that fails', async () => {
    const { commands } = await pipeline({ maxQueuedCommands: 2 });
    const held = [gate(), gate()];
    const waiting = held.map(({ promise }) => commands.before(admit, () => promise));
    await refusal(
      commands.before(admit, () => Promise.resolve()),
      'OVERLOADED',
    );
    held[0]?.open(undefined);
    await waiting[0];
    expect(commands.queued).toBe(1);
    held[1]?.fail(new Error('no'));
    await expect(waiting[1]).rejects.toThrow('no');
    expect(commands.queued).toBe(0);
  });
});
