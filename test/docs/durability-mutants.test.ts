// docs/durability-mutants.md says what the list of mutants says, and names for each a test that is there.
import { describe, expect, it } from '@jest/globals';
import { LEDGER } from '../mutation/ledger.mjs';
import { readPage } from '../support/pages.js';
import { notFound, testReferences } from '../support/test-titles.js';

const rows = readPage('docs/durability-mutants.md')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .map((line) => line.slice(2, -2).split(/ (?<!\\)\| /));

describe('docs/durability-mutants.md', () => {
  it('lists every mutant, and nothing else', () => {
    expect(rows.map(([id, file, out]) => [id, `src/journal/${file ?? ''}`, out])).toEqual(
      LEDGER.map(({ id, file, out }) => [id, file, out]),
    );
  });

  it('names for each a test that is there', () => {
    const references = rows.map(([, , , caughtBy = '']) => testReferences(`  - ${caughtBy}`));
    expect(rows.filter((_row, index) => references[index]?.length !== 1).map(([id]) => id)).toEqual([]);
    expect(notFound(references.flat())).toEqual([]);
  });

  it('counts as many as docs/guarantees.md says', () => {
    const count = String(LEDGER.length);
    expect(readPage('docs/guarantees.md')).toContain(`${count} of ${count} noticed`);
  });
});
