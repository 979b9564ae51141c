// docs/errors.md, the table in src/errors.ts and the errors that the code makes say the same.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { ERROR_CODES } from '../../src/errors.js';
import { nodesOf, placeOf, ROOT, sourcesUnder } from '../support/source.js';

interface Row {
  readonly code: string;
  readonly meaning: string;
  readonly fields: readonly string[];
  readonly advice: string;
}

const page = readFileSync(path.join(ROOT, 'docs', 'errors.md'), 'utf8');

const rows: Row[] = page.split('\n').flatMap((line) => {
  if (!line.startsWith('| `')) return [];
  const [, code = '', meaning = '', data = '', advice = ''] = line
    .split(' | ')
    .map(strip)
    .flatMap(splitFirst);
  return [
    { code, meaning, fields: Array.from(data.matchAll(/`(\w+)`/g), ([, name]) => String(name)), advice },
  ];
});

function strip(cell: string): string {
  return cell.replace(/ \|$/, '');
}

function splitFirst(cell: string, at: number): string[] {
  return at === 0 ? ['', cell.replace(/^\| `(\w+)`$/, '$1')] : [cell];
}

/** Every `new PawlError('CODE', message, { fields })` of the sources whose code and fields are literal. */
const made = sourcesUnder('src').flatMap((source) =>
  nodesOf(source.tree).flatMap((node) => {
    if (!ts.isNewExpression(node) || node.expression.getText() !== 'PawlError') return [];
    const [code, , data] = node.arguments ?? [];
    if (code === undefined || !ts.isStringLiteral(code)) return [];
    const properties = data !== undefined && ts.isObjectLiteralExpression(data) ? data.properties : [];
    const fields = properties.flatMap((property) => property.name?.getText() ?? []);
    return [{ code: code.text, fields, place: placeOf(source, node) }];
  }),
);

describe('docs/errors.md', () => {
  it('names the codes of the table, all of them, in their order, and no others', () => {
    expect(rows.map((row) => row.code)).toEqual(Object.keys(ERROR_CODES));
  });

  it.each(rows)(
    'gives $code the meaning of the table, its fields and advice',
    ({ code, meaning, advice }) => {
      expect(meaning).toBe(ERROR_CODES[code as keyof typeof ERROR_CODES]);
      expect(advice).toMatch(/^[A-Z`].{10,}\.$/);
    },
  );

  it('says which codes nothing gives yet, and of no others', () => {
    const [, said = ''] = /^No command of this version gives (.*?)\.$/m.exec(page) ?? [];
    const inCode = sourcesUnder('src')
      .filter(({ path: name }) => !name.endsWith('errors.ts'))
      .map(({ text }) => text)
      .join('\n');
    const unused = Object.keys(ERROR_CODES).filter((code) => !inCode.includes(`'${code}'`));
    expect(Array.from(said.matchAll(/`(\w+)`/g), ([, code]) => code)).toEqual(unused);
  });

  it('names every field that the code gives', () => {
    expect(made.length).toBeGreaterThan(30);
    const missing = made.flatMap(({ code, fields, place }) => {
      const known = rows.find((row) => row.code === code)?.fields ?? [];
      return fields.filter((name) => !known.includes(name)).map((name) => `${place}: ${code}.${name}`);
    });
    expect(missing).toEqual([]);
  });
});
