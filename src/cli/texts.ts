// The reports of `pawl` as text for people.
import type {
  CheckedSnapshot,
  LogStats,
  RepairReport,
  SalvageReport,
  SequenceRange,
  SnapshotInfo,
  VerifiedLog,
} from '../journal/index.js';

const MIB = 1_048_576;
const KIB = 1_024;

/** What `verify` found. */
export function verifyText(log: VerifiedLog, snapshots: readonly CheckedSnapshot[]): string {
  const { segments, commits, firstSequence, lastSequence, sealed } = log;
  const events =
    lastSequence === 0 ? 'no events' : `events ${rangeText({ from: firstSequence, to: lastSequence })}`;
  return [
    `log: whole; ${plural(segments, 'segment')}, ${plural(commits, 'commit')}, ${events}, ${sealed ? 'closed' : 'not closed'}`,
    ...snapshots.map(snapshotLine),
  ].join('\n');
}

/** What `repair` did. */
export function repairText({ repaired, lastSequence }: RepairReport): string {
  if (repaired === undefined) return `nothing to repair; the log ends at ${count(lastSequence)}`;
  const { segment, offset, bytes, quarantine } = repaired;
  return `cut ${plural(bytes, 'byte')} of ${segment} at byte ${count(offset)}, kept in ${quarantine}; the log ends at ${count(lastSequence)}`;
}

/** What `salvage` came to. */
export function salvageText(report: SalvageReport): string {
  const { target, firstSequence, lastSequence, commits, snapshots, damaged, lost, unused, refused } = report;
  const events =
    commits === 0
      ? 'no events, the snapshot alone'
      : `events ${rangeText({ from: firstSequence, to: lastSequence })} in ${plural(commits, 'commit')}`;
  return [
    `${target}: ${events}, ${plural(snapshots.length, 'snapshot')}`,
    ...damaged.map(
      ({ segment, offset, bytes, code }) =>
        `damaged: ${plural(bytes, 'byte')} of ${segment} at byte ${count(offset)} (${code})`,
    ),
    ...report.snapshotsRejected.map(snapshotLine),
    ...lost.map((range) => `lost: events ${rangeText(range)}`),
    ...unused.map((range) => `whole, but behind what is lost: events ${rangeText(range)}`),
    ...(refused === undefined ? [] : [`it cannot be opened: ${refused.code}: ${refused.message}`]),
  ].join('\n');
}

/** What `snapshot` wrote. */
export function snapshotText({ path, sequence, bytes, counts }: SnapshotInfo): string {
  const { tasks = 0, runs = 0 } = counts;
  return `${path}: sequence ${count(sequence)}, ${size(bytes)}, ${plural(tasks, 'task')}, ${plural(runs, 'run')}`;
}

/** What `stats` counted. */
export function statsText(found: LogStats): string {
  const { bytes, firstSequence, lastSequence, commits, events, byType, epoch, segments, snapshots } = found;
  const width = Math.max(0, ...Object.keys(byType).map((type) => type.length));
  return [
    `log: ${size(bytes)}, ${plural(segments.length, 'segment')}, ${plural(commits, 'commit')}, ${plural(events, 'event')}${
      events === 0 ? '' : ` (${rangeText({ from: firstSequence, to: lastSequence })})`
    }, epoch ${count(epoch)}`,
    ...(found.firstAt === undefined || found.lastAt === undefined
      ? []
      : [`from ${time(found.firstAt)} to ${time(found.lastAt)}`]),
    ...segments.map(
      (one) =>
        `  ${one.name}  ${size(one.bytes)}  ${plural(one.commits, 'commit')}  events ${rangeText({ from: one.firstSequence, to: one.lastSequence })}${one.sealed ? '' : '  not closed'}`,
    ),
    ...Object.entries(byType).map(([type, number]) => `  ${type.padEnd(width)}  ${count(number)}`),
    ...snapshots.map(snapshotLine),
    ...(found.damage === undefined ? [] : [`damaged: ${found.damage.code}: ${found.damage.message}`]),
  ].join('\n');
}

function snapshotLine({ path, sequence, bytes, counts, error }: CheckedSnapshot): string {
  if (error !== undefined) return `snapshot ${count(sequence)}: ${error.code}: ${error.message}`;
  const { tasks = 0, runs = 0 } = counts ?? {};
  return `snapshot ${count(sequence)}: whole; ${size(bytes)}, ${plural(tasks, 'task')}, ${plural(runs, 'run')}, ${path}`;
}

function rangeText({ from, to }: SequenceRange): string {
  if (to < from) return 'none';
  return from === to ? count(from) : `${count(from)}–${count(to)}`;
}

function plural(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** Digits in groups of three. */
function count(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ' ');
}

function size(bytes: number): string {
  if (bytes < KIB) return plural(bytes, 'byte');
  return bytes < MIB ? `${(bytes / KIB).toFixed(1)} KiB` : `${(bytes / MIB).toFixed(1)} MiB`;
}

function time(at: number): string {
  return new Date(at).toISOString();
}
