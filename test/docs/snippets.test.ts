// The code on the pages: every block type-checks against the sources; the first ones do what their comments say.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { codeBlocks, readPage } from '../support/pages.js';
import { complaintsAbout, javaScriptOf, type Snippets } from '../support/snippets.js';
import { filesUnder, ROOT } from '../support/source.js';

const PRELUDES: Readonly<Record<string, string>> = {
  'docs/errors.md': [
    "import type { Orchestrator } from 'pawl';",
    'declare const pawl: Orchestrator;',
    'declare const runId: string;',
  ].join('\n'),
};

const pages: Snippets[] = ['README.md', ...filesUnder('docs')]
  .filter((page) => page.endsWith('.md'))
  .map((page) => ({
    page,
    blocks: codeBlocks(readPage(page), 'ts'),
    ...(PRELUDES[page] === undefined ? {} : { prelude: PRELUDES[page] }),
  }))
  .filter(({ blocks }) => blocks.length > 0);

describe('the TypeScript of the pages', () => {
  it('type-checks', () => {
    expect(pages.map(({ page }) => page)).toEqual([
      'README.md',
      'docs/errors.md',
      'docs/getting-started.md',
      'docs/storage.md',
    ]);
    expect(complaintsAbout(pages)).toEqual([]);
  });

  it('is told when it does not', () => {
    const [readme] = pages;
    const misspelt = (readme?.blocks ?? []).map(({ code, line }) => ({
      code: code.replace('maxAttempts', 'maxAttempt'),
      line,
    }));
    expect(complaintsAbout([{ page: 'README.md', blocks: misspelt }])).toEqual([
      expect.stringMatching(/^README\.md: .*maxAttempt/),
    ]);
  });
});

describe('a snippet', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'pawl-snippet-'));
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await rm(directory, { recursive: true, force: true });
  });

  it.each([
    ['README.md', 'its first', 0, ["{ text: 'Hello Ada' }"]],
    ['README.md', 'its test', 1, ['3']],
    ['docs/getting-started.md', 'its first', 0, ["{ text: 'HELLO' }"]],
  ])('of %s, %s one, prints what its comments say', async (page, _which, index, expected) => {
    const code = codeBlocks(readPage(page), 'ts')[index]?.code ?? '';
    const comments = Array.from(
      code.matchAll(/console\.log\(.*\);\s*\/\/ (.+)$/gm),
      ([, comment]) => comment,
    );
    expect(comments).toEqual(expected);
    const printed: string[] = [];
    jest.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
      printed.push(values.map((value) => inspect(value)).join(' '));
    });
    const file = path.join(directory, 'snippet.mjs');
    const here = code.replace("'./data'", JSON.stringify(path.join(directory, 'data')));
    await writeFile(file, javaScriptOf(here));
    await import(pathToFileURL(file).href);
    expect(printed).toEqual(expect.arrayContaining(expected));
  });
});

describe('the README', () => {
  it('has the test command that CI runs, and scripts that are there', async () => {
    const [shell] = codeBlocks(readPage('README.md'), 'sh');
    const commands = (shell?.code ?? '').split('\n').flatMap((line) => line.split(' #')[0]?.trim() ?? []);
    expect(commands.filter((command) => command !== '')).toEqual([
      'npm ci && npm start',
      'npm ci && npm test',
    ]);
    const ci = await readFile(path.join(ROOT, '.ci', 'run'), 'utf8');
    expect(ci.split('\n')).toContain('npm ci && npm test');
    const { scripts } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['start', 'test', 'check']));
  });

  it('links to pages that are there, and so does every page', () => {
    const known = new Set(['README.md', 'CONTRIBUTING.md', ...filesUnder('docs'), ...filesUnder('src')]);
    const broken = [...known]
      .filter((page) => page.endsWith('.md'))
      .flatMap((page) =>
        Array.from(readPage(page).matchAll(/\]\(([^)#]+)[^)]*\)/g), ([, target = '']) => target)
          .filter((target) => !/^https?:/.test(target))
          .map((target) => path.posix.join(path.posix.dirname(page), target))
          .filter((target) => !known.has(target))
          .map((target) => `${page}: ${target}`),
      );
    expect(broken).toEqual([]);
  });
});
