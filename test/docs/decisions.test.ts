// docs/decisions.md: one paragraph a decision, dated, in order, with what was rejected.
import { describe, expect, it } from '@jest/globals';
import { readPage } from '../support/pages.js';

const [title, intro, ...paragraphs] = readPage('docs/decisions.md').trimEnd().split('\n\n');

const decisions = paragraphs.map((text) => {
  const [, date = '', name = ''] = /^\*\*(\d{4}-\d{2}-\d{2}) · (.+?)\.\*\* /.exec(text) ?? [];
  return { date, name, text };
});

describe('docs/decisions.md', () => {
  it('has a title, a line on what it is, and decisions', () => {
    expect([title, intro?.split('\n').length]).toEqual(['# Decisions', 1]);
    expect(decisions.length).toBeGreaterThan(10);
  });

  it.each(decisions)('dates and names “$name”, in one paragraph, with what was rejected', (decision) => {
    expect(decision.date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(decision.name).not.toBe('');
    expect(decision.text).not.toContain('\n');
    expect(decision.text).toMatch(/Rejected/);
  });

  it('has them in order of their dates, each once', () => {
    const dates = decisions.map(({ date }) => date);
    expect(dates).toEqual([...dates].sort());
    expect(new Set(decisions.map(({ name }) => name)).size).toBe(decisions.length);
  });
});
