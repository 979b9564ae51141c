// The list of mutants fits the sources: each entry is found once, changes its file, and leaves a program.
import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { mutate } from './apply.mjs';
import { EVERYWHERE, LEDGER } from './ledger.mjs';

const sources = new Map<string, string>();
for (const { file } of LEDGER) sources.set(file, readFileSync(file, 'utf8'));

/** What the parser objects to. */
function objections(text: string): string[] {
  const { diagnostics = [] } = ts.transpileModule(text, {
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

describe('the list of mutants', () => {
  it('names each once', () => {
    expect(new Set(LEDGER.map(({ id }) => id)).size).toBe(LEDGER.length);
    expect(LEDGER.length).toBeGreaterThan(100);
  });

  it.each(LEDGER.map((mutant) => [mutant.id, mutant] as const))('%s fits its file', (_id, mutant) => {
    const source = sources.get(mutant.file) ?? '';
    const mutated = mutate(source, mutant);
    expect(mutated).not.toBe(source);
    expect(objections(mutated)).toEqual([]);
  });

  it('refuses an entry whose text is not there, or there twice', () => {
    const [first] = LEDGER;
    if (first === undefined) throw new Error('the list is empty');
    expect(() => mutate('const other = 1;', first)).toThrow(first.id);
    expect(() => mutate(`${first.find}\n${first.find}`, first)).toThrow('2 times');
  });

  it('names suites that are there', () => {
    const suites = new Set([...EVERYWHERE, ...LEDGER.flatMap((mutant) => mutant.near)]);
    expect([...suites].filter((file) => !existsSync(file))).toEqual([]);
  });

  it('is named by no suite that is to catch it', () => {
    const suites = new Set([...EVERYWHERE, ...LEDGER.flatMap((mutant) => mutant.near)]);
    const naming = [...suites].filter((file) => /PAWL_MUTANT|mutation\//.test(readFileSync(file, 'utf8')));
    expect(naming).toEqual([]);
  });
});
