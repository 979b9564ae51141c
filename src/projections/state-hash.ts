// A digest of the whole state that does not depend on how it came to be: of a replay, of a snapshot and the
// tail, or of the events as they happened.
import { createHash } from 'node:crypto';
import type { SnapshotSection } from './snapshot-section.js';

/** Lines that are digested with one call. */
const LINES_AT_ONCE = 256;

/** What is digested. */
export interface HashedState {
  readonly sequence: number;
  readonly lastAt: number;
  readonly sections: readonly SnapshotSection[];
}

/** SHA-256 over the records of all sections, each section's in a fixed order. */
export function stateHash(state: HashedState): string {
  const hash = createHash('sha256').update(`${String(state.sequence)} ${String(state.lastAt)}\n`);
  for (const section of [...state.sections].sort((left, right) => (left.name < right.name ? -1 : 1))) {
    const lines: string[] = [];
    for (const record of section.records()) lines.push(canonical(record));
    hash.update(`${section.name} ${String(lines.length)}\n`);
    lines.sort();
    for (let from = 0; from < lines.length; from += LINES_AT_ONCE)
      hash.update(`${lines.slice(from, from + LINES_AT_ONCE).join('\n')}\n`);
  }
  return hash.digest('hex');
}

/** JSON with the fields of each object in order of their names, without those that are `undefined`. */
function canonical(record: unknown): string {
  return JSON.stringify(record, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const fields = value as Readonly<Record<string, unknown>>;
    const inOrder = Object.keys(fields).sort();
    return Object.fromEntries(inOrder.map((name) => [name, fields[name]]));
  });
}
