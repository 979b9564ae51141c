// A task's view shows its record after each commit that touches it, and its end.
import { describe, expect, it } from '@jest/globals';
import type { TaskRecord } from '../../src/domain/nouns.js';
import type { PawlEvent } from '../../src/domain/events.js';
import { moved, runCreated, taskCreated } from './support/history-maker.js';
import { ViewFixture } from './support/view-fixture.js';

const once = (id: string): PawlEvent => {
  const created = taskCreated(id);
  return { ...created, spec: { ...created.spec, policy: { kind: 'once' } } };
};

function submitted(): ViewFixture {
  const fixture = new ViewFixture();
  fixture.commit(once('t'), runCreated('a', 't'));
  return fixture;
}

describe('record$ of a task', () => {
  it('gives the record at once, after each commit that touches the task, and completes at its end', () => {
    const fixture = submitted();
    fixture.run('other');
    const seen: TaskRecord[] = [];
    let completed = false;
    fixture.observe.task('t').record$.subscribe({
      next: (record) => seen.push(record),
      complete: () => {
        completed = true;
      },
    });
    fixture.commit(moved('other', 'scheduled', 'canceled'));
    fixture.commit(moved('a', 'scheduled', 'ready'));
    expect(seen).toHaveLength(1);
    fixture.commit({ type: 'TaskCanceled', sequence: 0, at: 0, taskId: 't' });
    expect(completed).toBe(false);
    fixture.commit(moved('a', 'ready', 'canceled'));
    expect(completed).toBe(true);
    expect(seen.map(({ canceledAt, counts }) => [canceledAt !== undefined, counts.canceled])).toEqual([
      [false, 0],
      [true, 0],
      [true, 1],
    ]);
  });

  it('refuses an unknown task by code, and isolates who throws', () => {
    const fixture = submitted();
    const errors: unknown[] = [];
    fixture.observe.task('none').record$.subscribe({ error: (error: unknown) => errors.push(error) });
    expect(errors).toMatchObject([{ code: 'TASK_UNKNOWN', data: { taskId: 'none' } }]);
    fixture.observe.task('t').record$.subscribe(() => {
      throw new Error('bad subscriber');
    });
    expect(fixture.warned).toMatchObject([{ where: 'task t', err: { message: 'bad subscriber' } }]);
  });
});

describe('done() of a task', () => {
  it('resolves with the record once the task is terminal and its runs have ended', async () => {
    const fixture = submitted();
    const done = fixture.observe.task('t').done();
    fixture.commit(moved('a', 'scheduled', 'ready'));
    fixture.commit(moved('a', 'ready', 'canceled'));
    expect(await done).toMatchObject({ counts: { canceled: 1 } });
    expect(await fixture.observe.task('t').done()).toMatchObject({ counts: { canceled: 1 } });
  });

  it('rejects with TASK_UNKNOWN, TASK_PRUNED, ABORTED and CLOSED', async () => {
    const fixture = submitted();
    await expect(fixture.observe.task('none').done()).rejects.toMatchObject({ code: 'TASK_UNKNOWN' });
    const abort = new AbortController();
    const waiting = fixture.observe.task('t').done({ signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(fixture.observe.task('t').done({ signal: abort.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    fixture.commit(once('p'), runCreated('b', 'p'));
    fixture.commit(moved('b', 'scheduled', 'canceled'));
    fixture.commit({ type: 'TasksPruned', sequence: 0, at: 0, taskIds: ['p'] });
    await expect(fixture.observe.task('p').done()).rejects.toMatchObject({ code: 'TASK_PRUNED' });
    const open = fixture.observe.task('t').done();
    await fixture.observe.close();
    await expect(open).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
