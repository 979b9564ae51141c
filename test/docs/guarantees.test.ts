// docs/guarantees.md has the twelve promises, each with tests that are there, and how they were tried, with the day.
import { describe, expect, it } from '@jest/globals';
import { readPage } from '../support/pages.js';
import { notFound, testReferences } from '../support/test-titles.js';

const page = readPage('docs/guarantees.md');

const [guaranteed = '', tried = ''] = page.split('\n# How it was tried\n');
const promises = guaranteed.split(/^## /m).slice(1);
/** Rows of the table of campaigns, without its head. */
const campaigns = tried
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1);

describe('docs/guarantees.md', () => {
  it('has the twelve promises, in order', () => {
    expect(promises.map((text) => text.split('. ')[0])).toEqual(
      Array.from({ length: 12 }, (_, index) => String(index + 1)),
    );
  });

  it.each(promises.map((text) => ({ name: text.split('\n')[0], text })))(
    'says of “$name” how it is kept and what is not promised, or that it is not in this version',
    ({ text }) => {
      const complete = text.includes('- Kept by: ') && text.includes('- Not promised: ');
      expect(complete || text.includes('**Not in this version.**')).toBe(true);
    },
  );

  it.each(promises.map((text) => ({ name: text.split('\n')[0], text })))(
    'proves “$name” by tests that are there',
    ({ text }) => {
      const references = testReferences(text);
      const bullets = text.split('\n').filter((line) => line.startsWith('  - '));
      expect(references.length).toBeGreaterThan(1);
      expect(references).toHaveLength(bullets.length);
      expect(notFound(references)).toEqual([]);
    },
  );

  it('says of each campaign on which day it was run, and which test it is', () => {
    expect(campaigns.length).toBeGreaterThan(3);
    for (const row of campaigns) expect(row).toMatch(/\| \d{4}-\d{2}-\d{2} \|/);
    const references = testReferences(campaigns.join('\n'));
    expect(references).toHaveLength(campaigns.length);
    expect(notFound(references)).toEqual([]);
  });
});
