// What every released version wrote stays readable, and version 1 is still written byte for byte: one commit of each
// event type, recorded when the format was fixed. The file is never regenerated; a new version gets its own.
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { EVENT_TYPES, type CommitHeader, type PawlEvent } from '../../src/domain/events.js';
import { CommitDecoder, encodeCommit } from '../../src/journal/commit-codec.js';
import { RecordWriter } from '../../src/journal/record-writer.js';

interface GoldenCommit {
  readonly hex: string;
  readonly header: CommitHeader;
  readonly events: readonly PawlEvent[];
}

const GOLDEN = readFileSync('test/journal/golden/commits-v1.jsonl', 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as GoldenCommit);

describe('the golden commits of version 1', () => {
  it('hold every event type', () => {
    expect(new Set(GOLDEN.flatMap(({ events }) => events.map(({ type }) => type)))).toEqual(
      new Set(EVENT_TYPES),
    );
  });

  it('are read as they were written', () => {
    for (const { hex, header, events } of GOLDEN) {
      const bytes = Buffer.from(hex, 'hex');
      const commit = new CommitDecoder().decode({
        bytes,
        from: 0,
        end: bytes.length,
        firstSequence: 4,
        count: events.length,
      });
      expect(commit.header).toEqual(header);
      expect(commit.events).toEqual(
        events.map((event, index) => ({ ...event, sequence: 4 + index, at: header.at })),
      );
    }
  });

  it('are written to the same bytes', () => {
    for (const { hex, header, events } of GOLDEN) {
      const out = new RecordWriter();
      encodeCommit({ header, events }, out);
      expect(out.written().toString('hex')).toBe(hex);
    }
  });
});
