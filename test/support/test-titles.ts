// The titles of the tests as they stand in the sources, so that a page can name a test and be held to it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { nodesOf, readSource, ROOT, type SourceFile } from './source.js';

/** A test or a group of tests that a page names. */
export interface TestReference {
  readonly file: string;
  readonly title: string;
}

/** Every `` `test/….test.ts` › title `` of a page; a title ends with its cell or line. */
export function testReferences(page: string): TestReference[] {
  return Array.from(page.matchAll(/`(test\/[\w./-]+\.ts)` › ([^|\n]+)/g), ([, file = '', title = '']) => ({
    file,
    title: title.trim(),
  }));
}

/** Those of the references whose file or title is not there. */
export function notFound(references: readonly TestReference[]): TestReference[] {
  return references.filter(({ file, title }) => {
    if (!existsSync(path.join(ROOT, file))) return true;
    return !titlesOf(readSource(file)).includes(title);
  });
}

/** The first argument of every `describe` and `it`, `each` included, as it stands there. */
export function titlesOf(source: SourceFile): string[] {
  return nodesOf(source.tree).flatMap((node) => {
    if (!ts.isCallExpression(node) || !/^(describe|it)\b/.test(node.expression.getText())) return [];
    const [title] = node.arguments;
    return title !== undefined && ts.isStringLiteralLike(title) ? [title.text] : [];
  });
}
