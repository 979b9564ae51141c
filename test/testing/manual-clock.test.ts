// The manual clock: time stands still, passes from due moment to due moment, and settles before it goes on.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { FaultyStorage } from '../../src/testing/faulty-storage.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { testOrchestrator } from '../../src/testing/test-orchestrator.js';
import { onTestEnd } from '../support/engine.js';
import { first, turns } from '../acceptance/support/handlers.js';

describe('a test orchestrator on a simulated disk', () => {
  it('keeps what was durable when the power goes, and finds it at the next start', async () => {
    const storage = new FaultyStorage();
    const kit = await testOrchestrator({ storage });
    await kit.pawl.submit('elsewhere', undefined, { id: 'kept' });
    storage.crash(() => 0.5);
    const again = await kit.crash();
    onTestEnd(() => again.pawl.close({ drainMs: 0 }));
    expect(again.pawl.projections.tasks.get('kept')).toBeDefined();
    storage.failNext('write', 'EIO');
    await expect(again.pawl.submit('elsewhere')).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });
});

describe('a manual clock', () => {
  it('stands still', async () => {
    const clock = new ManualClock({ startAt: 5_000 });
    await turns(10);
    expect({ now: clock.now(), mono: clock.monotonicMs() }).toEqual({ now: 5_000, mono: 0 });
  });

  it('fires timers in order of their moments, then of their making, each at its moment', async () => {
    const clock = new ManualClock({ startAt: 0 });
    const fired: string[] = [];
    const note = (name: string) => (): void => void fired.push(`${name}@${String(clock.now())}`);
    clock.setTimer(20, note('c'));
    clock.setTimer(10, note('a'));
    clock.setTimer(10, note('b'));
    clock.setTimer(31, note('late'));
    clock.setTimer(5, note('canceled')).cancel();
    await clock.advance(30);
    expect(fired).toEqual(['a@10', 'b@10', 'c@20']);
    expect(clock.now()).toBe(30);
  });

  it('runs what follows from one moment before it goes to the next', async () => {
    const clock = new ManualClock({ startAt: 0 });
    const seen: number[] = [];
    clock.setTimer(10, () => {
      void turns(2).then(() => {
        seen.push(clock.now());
        clock.setTimer(5, () => seen.push(clock.now()));
      });
    });
    clock.setTimer(20, () => seen.push(clock.now()));
    await clock.advance(20);
    expect(seen).toEqual([10, 15, 20]);
  });

  it('never fires a timer at once', () => {
    const clock = new ManualClock();
    let fired = false;
    clock.setTimer(0, () => (fired = true));
    expect(fired).toBe(false);
  });

  it('stops at no moment at which only something in the background is due, and lets that happen once', async () => {
    const clock = new ManualClock({ startAt: 0 });
    const fired: string[] = [];
    const look = (): void => {
      clock
        .setTimer(1_000, () => {
          fired.push(`look@${String(clock.now())}`);
          look();
        })
        .background?.();
    };
    look();
    clock.setTimer(3_600_000, () => fired.push(`due@${String(clock.now())}`));
    await clock.advance(86_400_000);
    expect(fired).toEqual(['look@3600000', 'due@3600000', 'look@86400000']);
  });

  it('moves the wall clock alone when it jumps', async () => {
    const clock = new ManualClock({ startAt: 1_000 });
    let fired = false;
    clock.setTimer(100, () => (fired = true));
    clock.jump(-500);
    await clock.settle();
    expect({ now: clock.now(), mono: clock.monotonicMs(), fired }).toEqual({
      now: 500,
      mono: 0,
      fired: false,
    });
    await clock.advance(100);
    expect({ now: clock.now(), fired }).toEqual({ now: 600, fired: true });
  });

  it('wakes sleepers when their time has passed', async () => {
    const clock = new ManualClock();
    let awake = false;
    void clock.sleep(1_000).then(() => (awake = true));
    await clock.advance(999);
    expect(awake).toBe(false);
    await clock.advance(1);
    expect(awake).toBe(true);
  });

  it('fails when something never becomes quiet, naming it', async () => {
    const clock = new ManualClock({ settleMs: 30 });
    const unwatch = clock.watch({ isQuiet: () => false, describe: () => 'the kettle' });
    await expect(clock.settle()).rejects.toThrow('the kettle');
    unwatch();
    await clock.settle();
  });
});

describe('advance over an orchestrator', () => {
  it('runs everything due on the way, in order, handlers that sleep included', async () => {
    const log: string[] = [];
    const clock = new ManualClock({ startAt: 0 });
    const task = defineTask('work', async (_context, name: string) => {
      log.push(`${name} begins ${String(clock.now())}`);
      await clock.sleep(250);
      log.push(`${name} ends ${String(clock.now())}`);
    });
    const kit = await testOrchestrator({ clock, tasks: [task] });
    onTestEnd(() => kit.pawl.close({ drainMs: 0 }));
    await kit.pawl.submit(task, 'a', { policy: { kind: 'once', startAt: 300 } });
    await kit.pawl.submit(task, 'b', { policy: { kind: 'once', startAt: 100 } });
    await clock.advance(1_000);
    expect(log).toEqual(['b begins 100', 'a begins 300', 'b ends 350', 'a ends 550']);
    expect(await kit.pawl.idle()).toEqual({ pending: 0, reasons: [] });
  });

  it('fails naming a handler that neither settles, sleeps nor is parked, and waits for none that is parked', async () => {
    const clock = new ManualClock({ settleMs: 50 });
    const task = defineTask('hangs', () => new Promise<void>(() => undefined));
    const kit = await testOrchestrator({ clock, tasks: [task] });
    onTestEnd(() => kit.pawl.close({ drainMs: 0 }));
    const { runIds } = await kit.pawl.submit(task);
    await expect(clock.advance(1)).rejects.toThrow(first(runIds));
    kit.park(first(runIds));
    await clock.advance(1);
  });
});
