// The report at the end: made from the durable state alone, so that a second start tells the same of every file.
import { relative } from 'node:path';
import { decodePayload, type Orchestrator, type RunRecord } from 'pawl';
import { printable, type FilePath } from './file-path.js';
import type { FileFacts, FileInput } from './index-file.js';
import { lastRunOf, type IndexJob, type NotWalked } from './index-folder.js';

/** A file that could not be indexed. */
export interface FailedFile extends FilePath {
  readonly error: string;
}

/** What recovery found at this start. */
export interface RecoveryFigures {
  /** Which start of this data directory it is, from 1. */
  readonly start: number;
  readonly seconds: number;
  readonly eventsApplied: number;
  /** Sequence of the snapshot that was used, 0 without one. */
  readonly snapshotSequence: number;
  /** Runs that were under way when the process before this one ended. */
  readonly interruptedRuns: number;
  /** Bytes of an unfinished batch that were cut. */
  readonly cutBytes: number;
}

/** The report. */
export interface Report {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  readonly lines: number;
  readonly gzipBytes: number;
  readonly largest?: FileFacts;
  readonly failed: readonly FailedFile[];
  readonly notWalked: readonly NotWalked[];
  /** Files that an earlier start had done. */
  readonly doneBefore: number;
  /** Runs that ended during this start. */
  readonly ranNow: number;
  readonly seconds: number;
  readonly runsPerSecond: number;
  readonly stuck: Readonly<Record<string, number>>;
  readonly recovery: RecoveryFigures;
  /** Every file that was indexed, in the order of the walk. */
  readonly facts: readonly FileFacts[];
}

const LISTED = 20;

/** Makes the report of a job that is over. */
export function makeReport(
  pawl: Orchestrator,
  job: IndexJob,
  of: { readonly folder: string; readonly seconds: number },
): Report {
  const facts: FileFacts[] = [];
  const failed: FailedFile[] = [];
  for (const taskId of job.taskIds) {
    const run = lastRunOf(pawl, taskId);
    const found = run === undefined ? undefined : factsOf(run);
    if (found !== undefined) facts.push(found);
    else failed.push({ ...pathOf(pawl, taskId), error: whyNot(run) });
  }
  failed.push(...failedBesides(pawl, new Set(job.taskIds)));
  const sum = (pick: (file: FileFacts) => number): number =>
    facts.reduce((total, file) => total + pick(file), 0);
  const [first, ...rest] = facts;
  return {
    folder: of.folder,
    files: facts.length,
    bytes: sum((file) => file.bytes),
    lines: sum((file) => file.lines),
    gzipBytes: sum((file) => file.gzipBytes),
    ...(first === undefined
      ? {}
      : { largest: rest.reduce((most, file) => (file.bytes > most.bytes ? file : most), first) }),
    failed,
    notWalked: job.notWalked,
    doneBefore: job.doneBefore,
    ranNow: job.ranNow,
    seconds: Number(of.seconds.toFixed(3)),
    runsPerSecond: Math.round(job.ranNow / Math.max(of.seconds, 0.001)),
    stuck: Object.fromEntries(job.stuck.map((reason) => [reason.reason, reason.count])),
    recovery: recoveryOf(pawl),
    facts,
  };
}

/** The report as lines for a person. */
export function renderReport(report: Report): string {
  const { largest, folder } = report;
  const rows: [string, string][] = [
    ['bytes', `${count(report.bytes)}, ${count(report.gzipBytes)} under gzip`],
    ['lines', count(report.lines)],
  ];
  if (largest !== undefined)
    rows.push(['largest', `${printable(relative(folder, largest.path))}, ${some(largest.bytes, 'byte')}`]);
  rows.push(['this start', workLine(report)], ['recovery', recoveryLine(report.recovery)]);
  for (const [reason, runs] of Object.entries(report.stuck))
    rows.push(['left over', `${some(runs, 'run')}: ${reason}`]);
  rows.push(...listed('failed', report.failed, folder), ...listed('not walked', report.notWalked, folder));
  const body = rows.map(([name, text]) => `  ${name.padEnd(12)}${text}`);
  return [`${some(report.files, 'file')} in ${printable(folder)}`, '', ...body, ''].join('\n');
}

function listed(name: string, items: readonly FailedFile[], folder: string): [string, string][] {
  if (items.length === 0) return [];
  const rows = items
    .slice(0, LISTED)
    .map(({ path, error }): [string, string] => [
      '',
      printable(`${relative(folder, path) || path}: ${error}`),
    ]);
  if (items.length > LISTED) rows.push(['', `and ${count(items.length - LISTED)} more`]);
  return [[name, count(items.length)], ...rows];
}

function workLine({ ranNow, seconds, runsPerSecond, doneBefore }: Report): string {
  const ran = `${some(ranNow, 'run')} in ${seconds.toFixed(2)} s, ${count(runsPerSecond)} a second`;
  return doneBefore === 0 ? ran : `${ran}; ${some(doneBefore, 'file')} done before`;
}

function recoveryLine(found: RecoveryFigures): string {
  if (found.start === 1) return 'nothing to recover: the first start in this data directory';
  const parts = [
    `start ${count(found.start)}: ${some(found.eventsApplied, 'event')} in ${found.seconds.toFixed(3)} s`,
  ];
  if (found.snapshotSequence > 0) parts.push(`from a snapshot at ${count(found.snapshotSequence)}`);
  if (found.interruptedRuns > 0)
    parts.push(`${some(found.interruptedRuns, 'interrupted run')} taken up again`);
  if (found.cutBytes > 0) parts.push(`${count(found.cutBytes)} bytes of an unfinished batch cut`);
  return parts.join(', ');
}

function recoveryOf({ report }: Orchestrator): RecoveryFigures {
  return {
    start: report.epoch,
    seconds: Number(report.recoveryDurationSeconds.toFixed(3)),
    eventsApplied: report.eventsAppliedTotal,
    snapshotSequence: report.snapshotSequence,
    interruptedRuns: report.sweeps.find((sweep) => sweep.name === 'deadEpoch')?.settled ?? 0,
    cutBytes: report.repaired?.bytes ?? 0,
  };
}

/** What failed at this start though this walk did not find it: an earlier one did, and the file is gone. */
function failedBesides(pawl: Orchestrator, walked: ReadonlySet<string>): FailedFile[] {
  const besides: FailedFile[] = [];
  let cursor: string | undefined;
  do {
    const from = cursor === undefined ? {} : { cursor };
    const page = pawl.projections.runs.list({ state: 'failed' }, { limit: 1_000, ...from });
    for (const run of page.items) {
      if (walked.has(run.taskId) || run.attempts.at(-1)?.owner !== pawl.report.instance) continue;
      besides.push({ ...pathOf(pawl, run.taskId), error: whyNot(run) });
    }
    ({ cursor } = page);
  } while (cursor !== undefined);
  return besides;
}

function factsOf(run: RunRecord): FileFacts | undefined {
  const output = run.attempts.at(-1)?.output;
  return run.state === 'completed' && output !== undefined ? (decodePayload(output) as FileFacts) : undefined;
}

function whyNot(run: RunRecord | undefined): string {
  if (run === undefined) return 'its run is gone';
  return run.attempts.at(-1)?.error?.message ?? run.reason ?? run.state;
}

function pathOf(pawl: Orchestrator, taskId: string): FilePath {
  const input = pawl.projections.tasks.get(taskId)?.spec.input;
  if (input === undefined) return { path: taskId };
  const { size: _size, ...path } = decodePayload(input) as FileInput;
  return path;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function some(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}
