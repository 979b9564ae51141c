// docs/coming-from-actionqueue.md names types, values and tests that are there.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { ERROR_CODES } from '../../src/errors.js';
import { codeSpans, readPage, tableRows } from '../support/pages.js';
import { nodesOf, parseSource, readSource, ROOT, type SourceFile } from '../support/source.js';
import { notFound, testReferences, titlesOf } from '../support/test-titles.js';

const page = readPage('docs/coming-from-actionqueue.md');

/** Every name in the middle column of the type tables, with the file that should declare it. */
const named = tableRows(page, ['there', 'here', 'file']).flatMap(([, here = '', where = '']) => {
  const [file] = codeSpans(where);
  return file === undefined ? [] : codeSpans(here).map((name) => ({ name, file }));
});

const ELSEWHERE = new Set(['PawlError', 'data.stage']);

/** Names that a source declares at its top, and the members of those as `Owner.member`. */
function declaredIn(source: SourceFile): Set<string> {
  const names = new Set<string>();
  for (const node of nodesOf(source.tree)) {
    if (!isNamedDeclaration(node) || node.name === undefined) continue;
    names.add(node.name.getText());
    if (!ts.isClassDeclaration(node)) continue;
    for (const member of node.members)
      if (member.name !== undefined) names.add(`${node.name.getText()}.${member.name.getText()}`);
  }
  return names;
}

type NamedDeclaration =
  | ts.ClassDeclaration
  | ts.FunctionDeclaration
  | ts.InterfaceDeclaration
  | ts.TypeAliasDeclaration
  | ts.VariableDeclaration;

function isNamedDeclaration(node: ts.Node): node is NamedDeclaration {
  return (
    ts.isClassDeclaration(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isVariableDeclaration(node)
  );
}

describe('docs/coming-from-actionqueue.md', () => {
  it.each(named.filter(({ name }) => !ELSEWHERE.has(name) && !(name in ERROR_CODES)))(
    'finds $name in $file',
    ({ name, file }) => {
      expect(declaredIn(readSource(file))).toContain(name);
    },
  );

  it('names files that are there', () => {
    expect(named.length).toBeGreaterThan(50);
    expect(named.map(({ file }) => file).filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
  });

  it('names codes that are in the table', () => {
    const codes = codeSpans(page).filter((span) => /^[A-Z]+(_[A-Z]+)+$/.test(span) || span === 'CLOSED');
    const known = codes.filter((code) => code in ERROR_CODES || code.startsWith('SNAPSHOT_'));
    expect(codes).toEqual(known);
  });

  it('names tests that are there', () => {
    const references = testReferences(page);
    expect(references.length).toBeGreaterThan(35);
    expect(notFound(references)).toEqual([]);
  });

  it('has a counterpart for every test it names', () => {
    const rows = ['test there', 'what it says there'].flatMap((head) => tableRows(page, [head, 'test here']));
    const empty = rows.filter(([, here = '']) => here !== 'the same' && testReferences(here).length === 0);
    expect(empty).toEqual([]);
  });

  it('gives each difference in one line, with its reason', () => {
    const [, section = ''] = page.split('## Where Pawl differs');
    const lines =
      section
        .split('\n## ')[0]
        ?.split('\n')
        .filter((line) => line.startsWith('- ')) ?? [];
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.filter((line) => !/^- .+[:,;] .+\.$/.test(line))).toEqual([]);
  });
});

describe('a test that is named', () => {
  const source = parseSource(
    'test/x.test.ts',
    "describe('a', () => { it.each([1])('b %s', () => {}); it('c', f); });",
  );

  it('is found by the title of its group or its own', () => {
    expect(titlesOf(source)).toEqual(['a', 'b %s', 'c']);
  });

  it('is missed when its title or its file is another', () => {
    const references = testReferences(
      ['`test/errors.test.ts` › isPawlError', '`test/errors.test.ts` › gone', '`test/gone.test.ts` › a'].join(
        '\n',
      ),
    );
    expect(notFound(references).map(({ title }) => title)).toEqual(['gone', 'a']);
  });
});
