// docs/architecture.md and docs/getting-started.md name the folders, files and context members that are there.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { codeSpans, readPage, tableRows } from '../support/pages.js';
import { filesUnder, nodesOf, readSource, ROOT } from '../support/source.js';

describe('docs/architecture.md', () => {
  const page = readPage('docs/architecture.md');
  const folders = tableRows(page, ['folder', 'holds', 'imports']).flatMap(([folder = '']) =>
    codeSpans(folder),
  );

  it('has a row for every folder of src, and for no other', () => {
    const there = filesUnder('src').map((file) => path.posix.dirname(file));
    const top = new Set(
      there.filter((folder) => folder !== 'src').map((folder) => folder.split('/')[1] ?? ''),
    );
    const named = folders
      .filter((folder) => !folder.endsWith('.ts'))
      .map((folder) => folder.replace('src/', ''));
    expect(named.sort()).toEqual([...top].sort());
  });

  it('names files that are there', () => {
    const files = codeSpans(page).filter((span) => /^[\w/-]+\.ts$/.test(span));
    expect(files.length).toBeGreaterThan(5);
    const known = (file: string): boolean =>
      [file, `src/${file}`, `src/projections/${file}`].some((each) => existsSync(path.join(ROOT, each)));
    expect(files.filter((file) => !known(file))).toEqual([]);
  });
});

describe('docs/getting-started.md', () => {
  it('names everything a handler is given, and nothing else', () => {
    const members = nodesOf(readSource('src/execution/handler-context.ts').tree)
      .flatMap((node) =>
        ts.isClassDeclaration(node) && node.name?.text === 'HandlerContext' ? [...node.members] : [],
      )
      .flatMap(({ name }) => (name === undefined || ts.isPrivateIdentifier(name) ? [] : [name.getText()]));
    const [, section = ''] = readPage('docs/getting-started.md').split('## What a handler is given');
    const rows = tableRows(section.split('\n## ')[0] ?? '', ['', '']);
    const named = rows.flatMap(([name = '', what = '']) => [
      ...codeSpans(name),
      ...codeSpans(what).filter((span) => span === 'resumedWith'),
    ]);
    const names = named.map((span) => span.replace(/^return |\(.*$/g, ''));
    expect(names.sort()).toEqual([...new Set(members)].sort());
  });
});
