// Bad input at the public door: every refusal has its code and names what it is about, and writes nothing.
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import type { ErrorCode } from '../../src/errors.js';
import { defineTask } from '../../src/execution/define-task.js';
import type { Orchestrator } from '../../src/orchestrator.js';
import type { SubmitItem } from '../../src/submissions.js';
import { openTest } from '../support/engine.js';
import { first, refusal, run } from './support/handlers.js';

/** What a caller without types may pass. */
const untyped = (value: unknown): never => value as never;

/** The command is refused by this code and nothing is written. */
async function refused(pawl: Orchestrator, code: ErrorCode, command: Promise<unknown>, data: object = {}) {
  const { sequence } = pawl.projections;
  const error = await refusal(command, code);
  expect(error.data).toMatchObject(data);
  expect(error.message).not.toBe('');
  expect(pawl.projections.sequence).toBe(sequence);
}

describe('submit refuses', () => {
  it.each<[string, ErrorCode, object, unknown, unknown, unknown]>([
    ['no type', 'INVALID_INPUT', { path: 'type' }, undefined, undefined, {}],
    ['null for a task', 'INVALID_INPUT', { path: 'type' }, null, undefined, {}],
    ['a task without a type', 'INVALID_INPUT', { path: 'type' }, {}, undefined, {}],
    ['null for options', 'INVALID_INPUT', { path: 'options' }, 'work', undefined, null],
    [
      'an unknown option',
      'INVALID_INPUT',
      { path: 'options.prioritty' },
      'work',
      undefined,
      { prioritty: 1 },
    ],
    [
      'requireHandler that is no switch',
      'INVALID_INPUT',
      { path: 'options.requireHandler' },
      'work',
      undefined,
      { requireHandler: 1 },
    ],
    ['an origin that is no object', 'INVALID_INPUT', { path: 'options.by' }, 'work', undefined, { by: 'me' }],
    [
      'an unknown field of the origin',
      'INVALID_INPUT',
      { path: 'options.by.name' },
      'work',
      undefined,
      { by: { name: 'me' } },
    ],
    ['an empty trace', 'INVALID_INPUT', { path: 'options.trace' }, 'work', undefined, { trace: '' }],
    [
      'an actor that is no id',
      'INVALID_ID',
      { field: 'options.by.actorId' },
      'work',
      undefined,
      { by: { actorId: '' } },
    ],
    [
      'a commandId that is no id',
      'INVALID_ID',
      { field: 'commandId' },
      'work',
      undefined,
      { commandId: 'a b' },
    ],
    ['an id that is none', 'INVALID_ID', { field: 'id' }, 'work', undefined, { id: '' }],
    ['a function as input', 'PAYLOAD_NOT_SERIALIZABLE', { path: '$.f' }, 'work', { f: () => 1 }, {}],
    ['too large an input', 'PAYLOAD_TOO_LARGE', { limit: 100 }, 'work', 'x'.repeat(99), {}],
    ['too deep an input', 'PAYLOAD_NOT_SERIALIZABLE', { path: '$[0][0]' }, 'work', [[[1]]], {}],
    [
      'a type nobody here knows, when asked to',
      'UNKNOWN_TASK_TYPE',
      { type: 'other' },
      'other',
      undefined,
      { requireHandler: true },
    ],
    [
      'a parent that does not exist',
      'PARENT_UNKNOWN',
      { parentId: 'p' },
      'work',
      undefined,
      { parentId: 'p' },
    ],
    [
      'a parent that has ended',
      'PARENT_TERMINAL',
      { parentId: 'over' },
      'work',
      undefined,
      { parentId: 'over' },
    ],
    [
      'a tenant that does not exist',
      'TENANT_UNKNOWN',
      { tenantId: 't' },
      'work',
      undefined,
      { tenantId: 't' },
    ],
    ['another specification', 'TASK_CONFLICT', { taskId: 'over' }, 'other', undefined, { id: 'over' }],
    [
      'an overflow',
      'POLICY_OVERFLOW',
      { count: 2 },
      'work',
      undefined,
      { policy: { kind: 'repeat', count: 2, intervalMs: Number.MAX_SAFE_INTEGER } },
    ],
    [
      'what this version does not do',
      'NOT_SUPPORTED',
      { path: 'dependsOn' },
      'work',
      undefined,
      { dependsOn: ['over'] },
    ],
  ])('%s', async (_what, code, data, task, input, options) => {
    const kit = await openTest({
      tasks: [defineTask('work', () => undefined)],
      limits: { maxPayloadBytes: 100, maxPayloadDepth: 2 },
    });
    await kit.pawl.submit('work', undefined, { id: 'over' });
    await kit.clock.settle();
    const command = kit.pawl.submit(untyped(task), input, untyped(options));
    await refused(kit.pawl, code, command, data);
    expect(kit.pawl.projections.tasks.count).toBe(1);
  });

  it('a task on level 9, and takes it on level 8', async () => {
    const { pawl } = await openTest();
    for (let level = 1; level <= 8; level++) {
      const parent = level === 1 ? {} : { parentId: `level-${String(level - 1)}` };
      await pawl.submit('work', undefined, { id: `level-${String(level)}`, ...parent });
    }
    const command = pawl.submit('work', undefined, { id: 'level-9', parentId: 'level-8' });
    await refused(pawl, 'HIERARCHY_TOO_DEEP', command, { taskId: 'level-9', depth: 9, limit: 8 });
  });

  it('one pending run too many, and takes it when another has ended', async () => {
    const { pawl } = await openTest({ limits: { maxPendingRuns: 2 } });
    const one = first((await pawl.submit('work')).runIds);
    await pawl.submit('work');
    await refused(pawl, 'OVERLOADED', pawl.submit('work'), { limit: 'maxPendingRuns', max: 2, pending: 2 });
    await pawl.cancelRun(one);
    expect((await pawl.submit('work')).created).toBe(true);
  });

  it('one waiting command too many, which may come again later', async () => {
    const { pawl } = await openTest({ limits: { maxQueuedCommands: 3 } });
    const commands = await Promise.allSettled(Array.from({ length: 4 }, () => pawl.submit('work')));
    expect(commands.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    expect(commands[3]).toMatchObject({ reason: { code: 'OVERLOADED', data: { retryAfterMs: 100 } } });
    expect((await pawl.submit('work')).created).toBe(true);
  });
});

describe('submitMany', () => {
  const items = (count: number): SubmitItem[] => Array.from({ length: count }, () => ({ task: 'work' }));

  it('takes as many items as allowed and refuses one more', async () => {
    const { pawl } = await openTest({ limits: { maxSubmitMany: 3 } });
    expect(await pawl.submitMany(items(3))).toHaveLength(3);
    await refused(pawl, 'LIMIT_EXCEEDED', pawl.submitMany(items(4)), { limit: 'maxSubmitMany', max: 3 });
    await refused(pawl, 'LIMIT_EXCEEDED', pawl.submitMany(items(4), { atomic: true }), { max: 3 });
    expect(DEFAULT_LIMITS.maxSubmitMany).toBe(10_000);
  });

  it('gives one result or refusal an item, in order', async () => {
    const { pawl } = await openTest();
    const mixed: unknown[] = [
      { task: 'work', options: { id: 'a' } },
      { task: '' },
      null,
      { task: 'work', options: { id: 'a' } },
      { task: 'work', extra: 1 },
      { task: 'work', options: { id: 'a', contentType: 'x' } },
      { task: 'work', options: { parentId: 'nobody' } },
      { task: 'work' },
    ];
    const outcomes = await pawl.submitMany(untyped(mixed));
    expect(outcomes.map((outcome) => (outcome.ok ? outcome.submission.created : outcome.error.code))).toEqual(
      [
        true,
        'INVALID_INPUT',
        'INVALID_INPUT',
        false,
        'INVALID_INPUT',
        'TASK_CONFLICT',
        'PARENT_UNKNOWN',
        true,
      ],
    );
    expect(pawl.projections.tasks.count).toBe(2);
  });

  it('atomic writes nothing when one of them is refused', async () => {
    const { pawl } = await openTest();
    const some = [...items(2), { task: 'work', options: { parentId: 'nobody' } }];
    await refused(pawl, 'PARENT_UNKNOWN', pawl.submitMany(some, { atomic: true }), { parentId: 'nobody' });
    await refused(pawl, 'INVALID_INPUT', pawl.submitMany([...items(2), { task: '' }], { atomic: true }), {
      path: 'type',
    });
    expect(pawl.projections.tasks.count).toBe(0);
  });

  it('atomic refuses more events than a commit may have, and takes just as many', async () => {
    const { pawl } = await openTest({ limits: { maxCommitEvents: 2_100 } });
    // A task that is due is three events: the task, its run, the promotion of it.
    await refused(pawl, 'COMMIT_TOO_LARGE', pawl.submitMany(items(701), { atomic: true }));
    await pawl.submitMany(items(700), { atomic: true });
    expect(pawl.projections.tasks.count).toBe(700);
  });

  it('atomic refuses more bytes than a commit may have', async () => {
    const { pawl } = await openTest({ limits: { maxPayloadBytes: 700_000, maxFrameBytes: 2_100_000 } });
    const large = Array.from({ length: 3 }, () => ({ task: 'work', input: 'x'.repeat(699_990) }));
    await refused(pawl, 'COMMIT_TOO_LARGE', pawl.submitMany(large, { atomic: true }));
    await pawl.submitMany(large.slice(1), { atomic: true });
    expect(pawl.projections.tasks.count).toBe(2);
  });

  it('refuses what is no list, no switch, and an unknown option', async () => {
    const { pawl } = await openTest();
    await refused(pawl, 'INVALID_INPUT', pawl.submitMany(untyped('work')), { path: 'items' });
    await refused(pawl, 'INVALID_INPUT', pawl.submitMany([], untyped({ atomic: 'yes' })), {
      path: 'options.atomic',
    });
    await refused(pawl, 'INVALID_INPUT', pawl.submitMany([], untyped({ atom: true })), {
      path: 'options.atom',
    });
  });

  it('that is not atomic makes each item a command of its own, so that a repetition is answered', async () => {
    const { pawl } = await openTest();
    const once = await pawl.submitMany(items(3), { commandId: 'import-1' });
    expect(await pawl.submitMany(items(3), { commandId: 'import-1' })).toEqual(once);
    expect(pawl.projections.tasks.count).toBe(3);
    const other = [{ task: 'other' }, ...items(2)];
    const outcomes = await pawl.submitMany(other, { commandId: 'import-1' });
    expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code))).toEqual([
      'COMMAND_CONFLICT',
      'ok',
      'ok',
    ]);
  });
});

type Command = (pawl: Orchestrator, id: string, options: never) => Promise<unknown>;

const commands: readonly [name: string, own: readonly string[], Command][] = [
  ['cancelTask', ['reason', 'wait'], (pawl, id, options) => pawl.cancelTask(id, options)],
  ['cancelRun', ['reason'], (pawl, id, options) => pawl.cancelRun(id, options)],
  ['suspendRun', ['reason'], (pawl, id, options) => pawl.suspendRun(id, options)],
  ['resumeRun', [], (pawl, id, options) => pawl.resumeRun(id, undefined, options)],
  ['setRunPriority', [], (pawl, id, options) => pawl.setRunPriority(id, 1, options)],
  ['retryRun', ['detached'], (pawl, id, options) => pawl.retryRun(id, options)],
  ['pause', ['reason'], (pawl, _id, options) => pawl.pause(options)],
  ['resume', [], (pawl, _id, options) => pawl.resume(options)],
];

describe.each(commands)('%s', (name, own, command) => {
  it('refuses unknown options and those that break their rule', async () => {
    const { pawl } = await openTest();
    const runId = first((await pawl.submit('work')).runIds);
    const bad: [unknown, ErrorCode, object][] = [
      [null, 'INVALID_INPUT', { path: 'options' }],
      [[], 'INVALID_INPUT', { path: 'options' }],
      [{ commandID: 'x' }, 'INVALID_INPUT', { path: 'options.commandID' }],
      [{ commandId: '' }, 'INVALID_ID', { field: 'commandId' }],
      [{ trace: 7 }, 'INVALID_INPUT', { path: 'options.trace' }],
      [{ by: [] }, 'INVALID_INPUT', { path: 'options.by' }],
    ];
    if (own.includes('reason')) {
      bad.push([{ reason: '' }, 'INVALID_INPUT', { path: 'reason' }]);
      bad.push([{ reason: 'x'.repeat(1_025) }, 'INVALID_INPUT', { path: 'reason' }]);
      bad.push([{ reason: null }, 'INVALID_INPUT', { path: 'reason' }]);
    }
    if (own.includes('wait')) bad.push([{ wait: 1 }, 'INVALID_INPUT', { path: 'options.wait' }]);
    if (own.includes('detached')) bad.push([{ detached: 0 }, 'INVALID_INPUT', { path: 'options.detached' }]);
    for (const [options, code, data] of bad) {
      await refused(pawl, code, command(pawl, runId, untyped(options)), data);
    }
  });

  it('is refused once the orchestrator is closed', async () => {
    const { pawl } = await openTest();
    const { taskId, runIds } = await pawl.submit('work');
    await pawl.close();
    const id = name === 'cancelTask' ? taskId : first(runIds);
    await refused(pawl, 'CLOSED', command(pawl, id, untyped({})));
  });
});

describe('resumeRun', () => {
  it('refuses a value that no payload can carry', async () => {
    const { pawl, clock } = await openTest({ tasks: [defineTask('work', (context) => context.suspend())] });
    const runId = first((await pawl.submit('work')).runIds);
    await clock.settle();
    await refused(pawl, 'PAYLOAD_NOT_SERIALIZABLE', pawl.resumeRun(runId, { n: 1n }), { path: '$.n' });
    await refused(pawl, 'PAYLOAD_TOO_LARGE', pawl.resumeRun(runId, 'x'.repeat(1_048_575)));
    expect(run(pawl, runId).state).toBe('suspended');
  });
});

describe('closed', () => {
  it('is said by everything that asks for work', async () => {
    const { pawl } = await openTest();
    await pawl.close();
    await refused(pawl, 'CLOSED', pawl.submit('work'));
    await refused(pawl, 'CLOSED', pawl.submitMany([{ task: 'work' }], { atomic: true }));
    await refused(pawl, 'CLOSED', pawl.prune());
    await refused(pawl, 'CLOSED', pawl.idle());
    await refused(pawl, 'CLOSED', pawl.snapshot());
    const [outcome] = await pawl.submitMany([{ task: 'work' }]);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'CLOSED' } });
    await pawl.close();
  });
});

describe('pruned ids', () => {
  it('are known as such to every command and view', async () => {
    const kit = await openTest({ tasks: [defineTask('work', () => undefined)] });
    const { taskId, runIds } = await kit.pawl.submit('work', undefined, { id: 'gone' });
    const runId = first(runIds);
    await kit.clock.settle();
    expect(await kit.pawl.prune()).toEqual({ tasks: 1, runs: 0 });
    const again = await kit.restart();
    const { pawl } = again;
    await refused(pawl, 'TASK_PRUNED', pawl.cancelTask(taskId), { taskId });
    for (const command of [pawl.cancelRun(runId), pawl.retryRun(runId), pawl.setRunPriority(runId, 1)]) {
      await refused(pawl, 'RUN_PRUNED', command, { runId });
    }
    await refused(pawl, 'RUN_PRUNED', pawl.run(runId).result(), { runId });
    await refused(pawl, 'ID_TAKEN', pawl.submit('work', undefined, { id: 'gone' }), { taskId });
    await refused(pawl, 'TASK_UNKNOWN', pawl.cancelTask('never-was'), { taskId: 'never-was' });
    await refused(pawl, 'RUN_UNKNOWN', pawl.cancelRun('never-was'), { runId: 'never-was' });
  });

  it('are forgotten beyond the window', async () => {
    const kit = await openTest({ tasks: [defineTask('work', () => undefined)], limits: { prunedWindow: 1 } });
    const runIds: string[] = [];
    for (let count = 0; count < 2; count++) {
      runIds.push(first((await kit.pawl.submit('work')).runIds));
      await kit.clock.settle();
    }
    await kit.pawl.prune();
    await refused(kit.pawl, 'RUN_UNKNOWN', kit.pawl.cancelRun(runIds[0] ?? ''));
    await refused(kit.pawl, 'RUN_PRUNED', kit.pawl.cancelRun(runIds[1] ?? ''));
  });
});

describe('open', () => {
  it('refuses two definitions of one type', async () => {
    const twice = [defineTask('work', () => 1), defineTask('work', () => 2)];
    expect((await refusal(openTest({ tasks: twice }), 'DUPLICATE_TASK_TYPE')).data).toEqual({ type: 'work' });
  });
});
