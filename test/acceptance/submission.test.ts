// Row 38: the same id twice is one submission; the same id with another specification is a conflict.
import { describe, expect, it } from '@jest/globals';
import { defineTask } from '../../src/execution/define-task.js';
import { open, refusal } from './support/handlers.js';

const work = defineTask('work', (_context, input: { a: number; b: number }) => input.a + input.b);
const options = { id: 'welcome-42', policy: { kind: 'repeat', count: 3, intervalMs: 1_000 } } as const;

describe('a task id', () => {
  it('submitted twice with the same specification is one submission, also after a restart', async () => {
    const { pawl, clock, restart } = await open({ tasks: [work] });
    const submitted = await pawl.submit(work, { a: 1, b: 2 }, options);
    expect(submitted).toMatchObject({ taskId: 'welcome-42', runCount: 3, created: true });
    await clock.advance(1_000);
    // Defaults spelled out, and the keys of the input in another order, make no other specification.
    const same = {
      ...options,
      constraints: { maxAttempts: 1 },
      dependsOn: [],
      metadata: { tags: [], priority: 0 },
    };
    expect(await pawl.submit(work, { b: 2, a: 1 }, same)).toEqual({ ...submitted, created: false });
    const again = await restart();
    expect(await again.pawl.submit(work, { a: 1, b: 2 }, options)).toEqual({ ...submitted, created: false });
    expect(again.pawl.projections.runs.count).toBe(3);
  });

  it('submitted twice at once is one submission', async () => {
    const { pawl } = await open({ tasks: [work] });
    const both = await Promise.all([
      pawl.submit(work, { a: 1, b: 2 }, options),
      pawl.submit(work, { a: 1, b: 2 }, options),
    ]);
    expect(both.map((submission) => submission.created)).toEqual([true, false]);
    expect(both[1].runIds).toEqual(both[0].runIds);
  });

  it.each<[string, { a: number; b: number }, object]>([
    ['input', { a: 1, b: 3 }, {}],
    ['policy', { a: 1, b: 2 }, { policy: { kind: 'repeat', count: 4, intervalMs: 1_000 } }],
    ['start', { a: 1, b: 2 }, { policy: { ...options.policy, startAt: 1 } }],
    ['constraints', { a: 1, b: 2 }, { constraints: { maxAttempts: 2 } }],
    ['tags', { a: 1, b: 2 }, { metadata: { tags: ['x'] } }],
    ['content type', { a: 1, b: 2 }, { contentType: 'text/plain' }],
  ])('with another %s is refused and changes nothing', async (_name, input, changed) => {
    const { pawl, clock } = await open({ tasks: [work] });
    await pawl.submit(work, { a: 1, b: 2 }, options);
    await clock.settle();
    const { sequence } = pawl.projections;
    const error = await refusal(pawl.submit(work, input, { ...options, ...changed }), 'TASK_CONFLICT');
    expect(error.data).toMatchObject({ taskId: 'welcome-42' });
    expect(pawl.projections.sequence).toBe(sequence);
  });

  it('of another type is refused', async () => {
    const { pawl } = await open({ tasks: [work] });
    await pawl.submit('work', { a: 1, b: 2 }, options);
    await refusal(pawl.submit('other', { a: 1, b: 2 }, options), 'TASK_CONFLICT');
  });

  it('of a run is taken', async () => {
    const { pawl } = await open({ tasks: [work] });
    const { runIds } = await pawl.submit(work, { a: 1, b: 2 });
    await refusal(pawl.submit(work, { a: 1, b: 2 }, { id: runIds[0] ?? '' }), 'ID_TAKEN');
  });
});
