// The house rules of CONTRIBUTING.md, read from the sources. Each rule is also shown a text that breaks it, so that
// a rule which sees nothing cannot pass for a clean house.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as rules from './support/house-rules.js';
import { filesUnder, parseSource, ROOT, sourcesUnder, type SourceFile } from './support/source.js';

const MAX_FILE_LINES = 320;
const MAX_TEST_LINES = 600;
const MAX_FUNCTION_LINES = 70;
const MAX_FILE_BYTES = 1_048_576;

const src = sourcesUnder('src');
const tests = sourcesUnder('test');
const programs = ['bench', 'examples', 'scripts'].flatMap(sourcesUnder);
const all = [...src, ...tests, ...programs];

function breaches(sources: readonly SourceFile[], rule: (source: SourceFile) => string[]): string[] {
  return sources.flatMap(rule);
}

function found(file: string, text: string, rule: (source: SourceFile) => string[]): number {
  return rule(parseSource(file, text)).length;
}

describe('imports', () => {
  it('are read at all', () => {
    expect(src.length).toBeGreaterThan(10);
    expect(tests.length).toBeGreaterThan(5);
  });

  it('flow one way', () => {
    expect(breaches(src, rules.importsAgainstTheFlow)).toEqual([]);
  });

  it.each([
    ['src/domain/a.ts', "import { b } from '../projections/b.js';"],
    ['src/projections/a.ts', "import type { B } from '../journal/b.js';"],
    ['src/decisions/a.ts', "export { b } from '../journal/b.js';"],
    ['src/journal/a.ts', "import { b } from '../projections/b.js';"],
    ['src/journal/a.ts', "import { b } from '../decisions/b.js';"],
    ['src/observe/a.ts', "import { b } from '../orchestrator.js';"],
    ['src/errors.ts', "import { b } from './domain/ids.js';"],
    ['src/orchestrator.ts', "import { b } from './cli/b.js';"],
    ['src/index.ts', "const b = await import('./testing/index.js');"],
  ])('against the flow are seen: %s, %s', (file, text) => {
    expect(found(file, text, rules.importsAgainstTheFlow)).toBe(1);
  });

  it.each([
    ['src/journal/recovery.ts', "import { b } from '../projections/b.js';"],
    ['src/journal/a.ts', "import { b } from '../machines/journal-machine.js';"],
    ['src/cli/a.ts', "import { b } from '../orchestrator.js';"],
  ])('with the flow are let through: %s, %s', (file, text) => {
    expect(found(file, text, rules.importsAgainstTheFlow)).toBe(0);
  });

  it('have no cycles', () => {
    expect(rules.importCycles(src)).toEqual([]);
  });

  it('in a cycle are seen', () => {
    const cycle = [
      parseSource('src/a.ts', "import { b } from './b.js';"),
      parseSource('src/b.ts', "import type { c } from './c.js';"),
      parseSource('src/c.ts', "export { a } from './a.js';"),
    ];
    expect(rules.importCycles(cycle)).toEqual(['src/a.ts → src/b.ts → src/c.ts → src/a.ts']);
  });

  it('take from packages and from Node only where they may', () => {
    expect(breaches(src, rules.foreignImports)).toEqual([]);
  });

  it.each([
    ['src/journal/a.ts', "import fs from 'node:fs';"],
    ['src/domain/a.ts', "import { randomUUID } from 'node:crypto';"],
    ['src/decisions/a.ts', "import { createActor } from 'xstate';"],
    ['src/observe/a.ts', "import pino from 'pino';"],
    ['src/domain/a.ts', "import { b } from './b';"],
    ['src/journal/a.ts', "import { buf } from 'crc-32';"],
  ])('of foreign things are seen: %s, %s', (file, text) => {
    expect(found(file, text, rules.foreignImports)).toBe(1);
  });
});

describe('the host', () => {
  it('is called in its own implementations only', () => {
    expect(breaches(src, rules.hostCalls)).toEqual([]);
  });

  it.each([
    'Date.now()',
    'new Date(0)',
    'Math.random()',
    'setTimeout(f, 1)',
    'globalThis.setInterval(f, 1)',
    'setImmediate(f)',
    'performance.now()',
    'process.pid',
    'const wait = setTimeout;',
    'globalThis.Date.now()',
    'crypto.randomUUID()',
  ])('is seen when it is called elsewhere: %s', (text) => {
    expect(found('src/domain/a.ts', text, rules.hostCalls)).toBe(1);
    expect(found('src/host-a.ts', text, rules.hostCalls)).toBe(0);
  });

  it.each([
    'clock.now()',
    'ports.setTimeout()',
    '// Date.now()',
    "'Math.random()'",
    'const o = { process: 1 };',
  ])('is not seen where it is not: %s', (text) => {
    expect(found('src/domain/a.ts', text, rules.hostCalls)).toBe(0);
  });
});

describe('files', () => {
  it('open with what they guarantee', () => {
    expect(breaches(all, rules.missingHeader)).toEqual([]);
  });

  it('without it, or with too much of it, are seen', () => {
    expect(found('src/a.ts', 'const a = 1;', rules.missingHeader)).toBe(1);
    expect(found('src/a.ts', '// a\n'.repeat(7), rules.missingHeader)).toBe(1);
    expect(found('src/a.ts', '// a\n'.repeat(6) + 'const a = 1;', rules.missingHeader)).toBe(0);
  });

  it('stay short', () => {
    expect(breaches([...src, ...programs], (source) => rules.longFile(source, MAX_FILE_LINES))).toEqual([]);
    expect(breaches(tests, (source) => rules.longFile(source, MAX_TEST_LINES))).toEqual([]);
  });

  it('above the limit are seen', () => {
    const lines = (count: number): string => 'const a = 1;\n'.repeat(count);
    expect(found('src/a.ts', lines(320), (source) => rules.longFile(source, 320))).toBe(0);
    expect(found('src/a.ts', lines(321), (source) => rules.longFile(source, 320))).toBe(1);
  });

  it('have kebab-case names', () => {
    const named = [...all.map((source) => source.path), ...filesUnder('docs')];
    expect(rules.oddNames(named)).toEqual([]);
    expect(rules.oddNames(['src/runTable.ts', 'src/run_table.ts', 'src/run-table.test.ts'])).toHaveLength(2);
  });

  it('are no dumps: none is larger than 1 MiB', () => {
    const committed = ['src', 'test', 'bench', 'docs', 'examples', 'scripts'].flatMap(filesUnder);
    const large = committed.filter((file) => statSync(path.join(ROOT, file)).size > MAX_FILE_BYTES);
    expect(large).toEqual([]);
  });
});

describe('functions', () => {
  it('stay short', () => {
    expect(
      breaches([...src, ...programs], (source) => rules.longFunctions(source, MAX_FUNCTION_LINES)),
    ).toEqual([]);
  });

  it('above the limit are seen', () => {
    const body = (count: number): string => `function f() {\n${'g();\n'.repeat(count - 2)}}`;
    expect(found('src/a.ts', body(70), (source) => rules.longFunctions(source, 70))).toBe(0);
    expect(found('src/a.ts', body(71), (source) => rules.longFunctions(source, 70))).toBe(1);
  });
});

describe('exports', () => {
  it('have a doc comment each', () => {
    expect(breaches(src, rules.undocumentedExports)).toEqual([]);
  });

  it.each([
    'export const a = 1;',
    'export interface A {}',
    '// a\nexport function a() {}',
    '/* a */ export class A {}',
  ])('without one are seen: %s', (text) => {
    expect(found('src/a.ts', text, rules.undocumentedExports)).toBe(1);
    expect(found('src/a.ts', `/** A. */\n${text.split('\n').at(-1) ?? ''}`, rules.undocumentedExports)).toBe(
      0,
    );
  });

  it('have a name each', () => {
    expect(breaches(src, rules.unnamedExports)).toEqual([]);
    for (const text of [
      "export * from './a.js';",
      'export default 1;',
      "export { a as default } from './a.js';",
    ]) {
      expect(found('src/a.ts', text, rules.unnamedExports)).toBe(1);
    }
  });
});

describe('checks', () => {
  it('are never switched off, and nothing is left for later', () => {
    expect(breaches(all, rules.silencersAndLeftOvers)).toEqual([]);
  });

  it.each([
    ['eslint', 'disable-next-line no-console'],
    ['@ts', 'ignore'],
    ['@ts', 'expect-error'],
    ['TO' + 'DO', 'later'],
  ])('that are switched off are seen: %s-%s', (left, right) => {
    const text = `f(); // ${left}-${right}\n/* ${left}-${right} */ g();`;
    expect(found('src/a.ts', text, rules.silencersAndLeftOvers)).toBe(2);
  });

  it('are not blinded by casts', () => {
    expect(breaches(all, rules.blindCasts)).toEqual([]);
    for (const text of [
      'f(a as any);',
      'f(a as unknown as B);',
      'let a: any;',
      'type A = Record<string, any>;',
    ]) {
      expect(found('src/a.ts', text, rules.blindCasts)).toBe(1);
    }
    expect(found('src/a.ts', 'f(a as unknown); f(b as B);', rules.blindCasts)).toBe(0);
  });
});

describe('tests', () => {
  it('all run', () => {
    expect(breaches(tests, rules.switchedOffTests)).toEqual([]);
  });

  it.each([
    'it.skip(n, f)',
    'describe.only(n, f)',
    'it.todo(n)',
    'xit(n, f)',
    'fdescribe(n, f)',
    'test.only.each([])',
  ])('that do not run are seen: %s', (text) => {
    expect(found('test/a.test.ts', text, rules.switchedOffTests)).toBe(1);
    expect(found('test/a.test.ts', 'it(n, f); it.each([])(n, f);', rules.switchedOffTests)).toBe(0);
  });
});

interface LockedPackage {
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(path.join(ROOT, file), 'utf8'));
}

describe('the package', () => {
  const lock = readJson('package-lock.json') as { packages: Readonly<Record<string, LockedPackage>> };
  const manifest = readJson('package.json') as {
    scripts: Readonly<Record<string, string>>;
    dependencies: Readonly<Record<string, string>>;
    peerDependencies: Readonly<Record<string, string>>;
    devDependencies: Readonly<Record<string, string>>;
  };
  const runtime = new Set<string>();
  const add = (names: Readonly<Record<string, string>> | undefined, parent: string): void => {
    for (const name of Object.keys(names ?? {})) {
      const inside = `${parent}/node_modules/${name}`;
      const place = inside in lock.packages ? inside : `node_modules/${name}`;
      if (runtime.has(place)) continue;
      runtime.add(place);
      add(lock.packages[place]?.dependencies, place);
    }
  };
  add({ ...manifest.dependencies, ...manifest.peerDependencies }, '');

  it('runs no install script on a user’s machine, its own included', () => {
    const places = [...runtime];
    expect(places).toEqual(expect.arrayContaining(['node_modules/crc-32', 'node_modules/tslib']));
    expect(places.filter((place) => lock.packages[place] === undefined)).toEqual([]);
    expect(places.filter((place) => lock.packages[place]?.hasInstallScript === true)).toEqual([]);
    const hooks = Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name));
    expect(hooks).toEqual([]);
  });

  it('installs its peers for its own development', () => {
    for (const name of Object.keys(manifest.peerDependencies)) {
      expect(Object.keys(manifest.devDependencies)).toContain(name);
    }
  });

  it('is checked by CI with the test command of the README', () => {
    const ci = readFileSync(path.join(ROOT, '.ci', 'run'), 'utf8');
    expect(ci).toContain('\nnpm ci && npm test\n');
    expect(ci).toContain('\nnpm run check\n');
  });
});
