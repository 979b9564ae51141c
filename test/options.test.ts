// Options are checked before anything is touched: every refusal names the option, and no directory is made.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LIMITS } from '../src/domain/limits.js';
import { defineTask } from '../src/execution/define-task.js';
import { openOrchestrator } from '../src/open-orchestrator.js';
import { resolveOptions, type OrchestratorOptions } from '../src/options.js';
import { refusal } from './acceptance/support/handlers.js';
import { temporaryDirectory } from './support/engine.js';

const given = (options: object): OrchestratorOptions => ({ dataDir: 'x', ...options });
const code = (name: string) => expect.objectContaining({ code: name });

describe('options', () => {
  it('have the stated defaults', () => {
    expect(resolveOptions({ dataDir: 'x' })).toMatchObject({
      repair: 'truncate-partial',
      expectExisting: false,
      lockWaitMs: 0,
      snapshots: { everyEvents: 1_000_000, everyBytes: 268_435_456, onCloseEvents: 10_000 },
      retention: 'keep',
      prune: undefined,
      limits: DEFAULT_LIMITS,
      liveActors: 'observed',
      settings: {
        concurrency: 10,
        timeoutGraceMs: 5_000,
        suspectMs: 60_000,
        consumeFlushMs: 1_000,
        clockJumpMs: 1_000,
        clockJumpHoldMs: 300_000,
      },
    });
  });

  it.each<[string, unknown]>([
    ['dataDir', undefined],
    ['dataDir', ''],
    ['dataDir', 5],
    ['tasks', 'send'],
    ['tasks', {}],
    ['concurrency', 0],
    ['concurrency', 1.5],
    ['concurrency', 100_001],
    ['concurrency', '4'],
    ['repair', 'maybe'],
    ['expectExisting', 'yes'],
    ['lockWaitMs', -1],
    ['logger', {}],
    ['logger', 'console'],
    ['timeoutGraceMs', -1],
    ['suspectMs', -1],
    ['consumeFlushMs', 0],
    ['clockJumpMs', 0],
    ['clockJumpHoldMs', 0],
    ['snapshotEveryEvents', -1],
    ['snapshotEveryBytes', -1],
    ['snapshotEveryBytes', 0.5],
    ['snapshotOnCloseEvents', -1],
    ['snapshotOnCloseEvents', true],
    ['retention', 'forget'],
    ['retention', true],
    ['prune', true],
    ['prune', {}],
    ['limits', 7],
    ['liveActors', 'some'],
    ['inspect', 5],
    ['inspect', { observe: () => undefined }],
    ['inspect', { observer: () => undefined, runs: 'all' }],
    ['onFailed', 'x'],
    ['clock', {}],
    ['ids', null],
    ['random', { nextUnit: 1 }],
    ['backend', {}],
    ['unheardOf', 1],
  ])('refuse %s: %p', (name, value) => {
    const rule = expect.objectContaining({
      code: 'INVALID_INPUT',
      data: expect.objectContaining({ path: `options.${name}` }),
    });
    expect(() => resolveOptions(given({ [name]: value }))).toThrow(rule);
  });

  it.each([undefined, null, 5, 'dir', []])('refuse %p in their place', (value) => {
    expect(() => resolveOptions(value as never)).toThrow(code('INVALID_INPUT'));
  });

  it.each<[string, number]>([
    ['concurrency', 1],
    ['concurrency', 100_000],
    ['timeoutGraceMs', 0],
    ['suspectMs', 0],
    ['consumeFlushMs', 1],
    ['clockJumpMs', 1],
    ['clockJumpHoldMs', 1],
    ['snapshotEveryEvents', 0],
    ['snapshotEveryBytes', 0],
    ['snapshotOnCloseEvents', 0],
    ['lockWaitMs', 0],
  ])('take %s at its bound of %p', (name, value) => {
    expect(() => resolveOptions(given({ [name]: value }))).not.toThrow();
  });

  it('take every limit from 1 on, or 0 where that means none, but where another asks for more, and no other', () => {
    for (const name of Object.keys(DEFAULT_LIMITS)) {
      const limits = { [name]: 1 };
      // What follows by itself must fit into a commit: see resolve-limits.test.ts.
      if (name === 'maxFrameBytes' || name === 'maxCommitEvents')
        expect(() => resolveOptions(given({ limits }))).toThrow(code('INVALID_INPUT'));
      else expect(resolveOptions(given({ limits })).limits).toEqual({ ...DEFAULT_LIMITS, ...limits });
      const none = { [name]: 0 };
      if (name === 'preallocateBytes' || name === 'reserveBytes')
        expect(resolveOptions(given({ limits: none })).limits).toEqual({ ...DEFAULT_LIMITS, ...none });
      else expect(() => resolveOptions(given({ limits: none }))).toThrow(code('INVALID_INPUT'));
      expect(() => resolveOptions(given({ limits: { [name]: -1 } }))).toThrow(code('INVALID_INPUT'));
    }
    expect(() => resolveOptions(given({ limits: { maxFun: 1 } }))).toThrow(code('INVALID_INPUT'));
  });

  it('refuse a task without a type or a handler, and two of one type', () => {
    const task = defineTask('a', () => undefined);
    expect(() => resolveOptions(given({ tasks: [{ ...task, type: '' }] }))).toThrow(code('INVALID_INPUT'));
    expect(() => resolveOptions(given({ tasks: [{ ...task, handler: 1 }] }))).toThrow(code('INVALID_INPUT'));
    expect(() => resolveOptions(given({ tasks: [null] }))).toThrow(code('INVALID_INPUT'));
    expect(() => resolveOptions(given({ tasks: [task, defineTask('a', () => 1)] }))).toThrow(
      code('DUPLICATE_TASK_TYPE'),
    );
  });

  it('that are refused make no directory', async () => {
    const dataDir = join(await temporaryDirectory(), 'data');
    await refusal(openOrchestrator({ dataDir, concurrency: 0 }), 'INVALID_INPUT');
    expect(existsSync(dataDir)).toBe(false);
  });
});
