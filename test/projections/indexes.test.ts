// Indexes forget what has gone, so that nothing grows with the records that once were.
import { describe, expect, it } from '@jest/globals';
import type { PawlEvent } from '../../src/domain/events.js';
import { event } from '../support/history-maker.js';
import { changed, Log, logWithRun, runCreated, taskCreated } from '../support/projection-log.js';

const subscribed = (taskId: string, watched: string): PawlEvent =>
  event('SubscriptionCreated', {
    subscriptionId: 's',
    taskId,
    filter: { kind: 'taskCompleted', taskId: watched },
  });

describe('an index', () => {
  it('of tasks drops a type, tenant and tag with the last task that has it', () => {
    const log = new Log();
    const fields = { tenantId: 'n', metadata: { tags: ['eu', 'eu'], priority: 0 } };
    for (const id of ['a', 'b'])
      log.commit([
        taskCreated(id, fields),
        runCreated(`r${id}`, id),
        changed(`r${id}`, 'scheduled', 'canceled'),
      ]);
    const { index } = log.state.tasks;
    const lists = (): unknown[] => [
      index.list('type', 'work'),
      index.list('tenantId', 'n'),
      index.list('tag', 'eu'),
      index.list('all', ''),
    ];
    log.commit([event('TasksPruned', { taskIds: ['a'] })]);
    for (const list of lists()) expect(list).toMatchObject({ tasks: 1, runs: 1 });
    log.commit([event('TasksPruned', { taskIds: ['b'] })]);
    expect(lists()).toEqual([undefined, undefined, undefined, undefined]);
    log.commit([taskCreated('c', fields)]);
    for (const list of lists()) expect(list).toMatchObject({ tasks: 1, runs: 0 });
  });

  it('of subscriptions forgets what a pruned one watched', () => {
    const log = logWithRun('canceled');
    log.commit([taskCreated('u'), taskCreated('v'), subscribed('t', 'u')]);
    log.commit([event('TasksPruned', { taskIds: ['t'] })]);
    log.commit([taskCreated('w'), subscribed('w', 'v')]);
    expect(log.state.subscriptions.watching('u')).toEqual([]);
    expect(log.state.subscriptions.watching('v').map((one) => one.id)).toEqual(['s']);
    expect(log.state.subscriptions.ofTask('t')).toEqual([]);
  });

  it('of runs with a type of their own forgets pruned ones', () => {
    const log = logWithRun('completed');
    log.commit([
      event('RunContinued', { runId: 'r', successorRunId: 's', taskType: 'next' }),
      runCreated('s', 't', { continuedFrom: 'r', taskType: 'next' }),
    ]);
    log.commit([changed('s', 'scheduled', 'canceled')]);
    expect(log.state.runs.overrides.count('next')).toBe(1);
    log.commit([event('RunsPruned', { runIds: ['s'] })]);
    expect(log.state.runs.overrides.count('next')).toBe(0);
    expect([...log.state.runs.overrides.after('next')]).toEqual([]);
  });
});
