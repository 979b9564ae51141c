// Durable commits from storage, decoded, pulled one by one.
import type { Commit } from '../domain/events.js';
import { CommitDecoder } from './commit-codec.js';
import type { JournalBackend } from './journal-backend.js';
import { decodeOrRefuse } from './journal-errors.js';

type Source = Pick<JournalBackend, 'read'>;

/** Commits with an event of `[from, to]`, in order. Errors: `HISTORY_GONE`, `JOURNAL_CORRUPT`. */
export async function* readCommits(
  source: Source,
  from: number,
  to: number,
): AsyncGenerator<Commit, void, undefined> {
  const decoder = new CommitDecoder();
  for await (const frames of source.read(from, to))
    yield* frames.map((frame) => decodeOrRefuse(decoder, frame));
}
