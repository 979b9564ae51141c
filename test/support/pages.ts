// The pages of `docs/` as the tests that keep them true read them: tables, code spans, code blocks.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './source.js';

/** The text of a page, from the root of the project. */
export function readPage(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

/** The rows of every table whose head has these columns, in order, as trimmed cells. */
export function tableRows(page: string, columns: readonly string[]): string[][] {
  const rows: string[][] = [];
  let within = false;
  for (const line of page.split('\n')) {
    if (!line.startsWith('|')) {
      within = false;
      continue;
    }
    const cells = cellsOf(line);
    if (cells.join() === columns.join()) within = true;
    else if (within && !cells.every((cell) => /^:?-+:?$/.test(cell))) rows.push(cells);
  }
  return rows;
}

function cellsOf(line: string): string[] {
  return line
    .replace(/^\||\|\s*$/g, '')
    .split('|')
    .map((cell) => cell.trim());
}

/** What stands in code spans, in order; fenced blocks are left out. */
export function codeSpans(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, '');
  return Array.from(prose.matchAll(/`([^`]+)`/g), ([, code]) => String(code));
}

/** A fenced block of code. */
export interface CodeBlock {
  readonly code: string;
  /** Line of the page on which its code begins, from 1. */
  readonly line: number;
}

/** The fenced blocks of a language, in order. */
export function codeBlocks(page: string, language: string): CodeBlock[] {
  return Array.from(page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)).flatMap((match) => {
    const [, found, code = ''] = match;
    if (found !== language) return [];
    return [{ code, line: page.slice(0, match.index).split('\n').length + 1 }];
  });
}
