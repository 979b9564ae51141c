// The example that shows live states: what `state$` and what xstate's inspection tell of a run is the same life.
import { describe, expect, it } from '@jest/globals';
import { startExample } from './harness/examples.js';

const TEST_LIMIT_MS = 600_000;
const TRY = ['leased', 'running'];
const LIVES: Readonly<Record<string, readonly string[]>> = {
  greet: ['ready', ...TRY, 'retryWait', 'ready', ...TRY, 'retryWait', 'ready', ...TRY, 'completed'],
  approve: ['ready', ...TRY, 'suspended', 'ready', ...TRY, 'completed'],
  endless: ['ready', ...TRY, 'canceled'],
};

describe('watching runs', () => {
  it(
    'shows each state of each run, from the stream and from the inspection, and how it ended',
    async () => {
      const { code, stdout, stderr } = await startExample('watch-runs').ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const lines = stdout.split('\n');
      const told = (source: string, name: string, pattern: RegExp): string[] =>
        lines
          .filter((line) => line.includes(` ms  ${source} `) && line.includes(`  ${name} `))
          .map((line) => pattern.exec(line)?.[1] ?? line);
      for (const [name, life] of Object.entries(LIVES)) {
        expect(told('state$', name, / (\w+), attempt \d+/)).toEqual(life);
        expect(told('inspect', `run ${name}`, /(?:begins|→) (\w+)/)).toEqual(['scheduled', ...life]);
      }
      expect(told('result', 'greet', /(\{.*)$/)).toEqual(['{"greeted":"world"}']);
      expect(told('result', 'approve', /("yes")$/)).toEqual(['"yes"']);
      expect(told('result', 'endless', /(RUN_CANCELED)/)).toEqual(['RUN_CANCELED']);
      expect(told('inspect', 'orchestrator', /(?:begins|→) (\w+)/).at(-1)).toBe('closed');
      expect(told('inspect', 'journal', /(?:begins|→) (\w+)/).at(-1)).toBe('closed');
    },
    TEST_LIMIT_MS,
  );

  it(
    'ends as always when its reader has seen enough',
    async () => {
      const { child, ended } = startExample('watch-runs');
      child.stdout?.once('data', () => child.stdout?.destroy());
      const { code, stderr } = await ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
    TEST_LIMIT_MS,
  );
});
