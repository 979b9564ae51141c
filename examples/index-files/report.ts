// The report at the end: made from the durable state alone, so that a second start tells the same.
import type { Orchestrator, RunRecord } from 'pawl';
import { decodePayload } from 'pawl';
import type { FileFacts, FileInput } from './index-file.js';

/** A file that could not be indexed. */
export interface FailedFile {
  readonly path: string;
  readonly error: string;
}

/** The report. */
export interface Report {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  readonly lines: number;
  readonly gzipBytes: number;
  readonly largest: FileFacts | undefined;
  readonly failed: readonly FailedFile[];
  /** Runs that ended during this start. */
  readonly ranNow: number;
  readonly seconds: number;
  readonly runsPerSecond: number;
  /** What recovery found. */
  readonly recovery: {
    readonly eventsAppliedTotal: number;
    readonly seconds: number;
    readonly settled: Readonly<Record<string, number>>;
    readonly repairedBytes: number;
  };
  readonly facts: readonly FileFacts[];
}

/** Makes the report of the tasks with the given ids. */
export function makeReport(
  pawl: Orchestrator,
  of: { folder: string; taskIds: readonly string[]; ranNow: number; seconds: number },
): Report {
  const facts: FileFacts[] = [];
  const failed: FailedFile[] = [];
  for (const taskId of of.taskIds) {
    const run = pawl.projections.runs.list({ taskId }, { limit: 1 }).items[0];
    if (run === undefined) continue;
    const found = factsOf(run);
    if (found === undefined)
      failed.push({ path: pathOf(pawl, taskId), error: run.attempts.at(-1)?.error?.message ?? run.state });
    else facts.push(found);
  }
  const sum = (pick: (file: FileFacts) => number): number =>
    facts.reduce((total, file) => total + pick(file), 0);
  const { report } = pawl;
  return {
    folder: of.folder,
    files: facts.length,
    bytes: sum((file) => file.bytes),
    lines: sum((file) => file.lines),
    gzipBytes: sum((file) => file.gzipBytes),
    largest: facts.reduce<FileFacts | undefined>(
      (most, file) => (most === undefined || file.bytes > most.bytes ? file : most),
      undefined,
    ),
    failed,
    ranNow: of.ranNow,
    seconds: of.seconds,
    runsPerSecond: of.seconds === 0 ? 0 : Math.round(of.ranNow / of.seconds),
    recovery: {
      eventsAppliedTotal: report.eventsAppliedTotal,
      seconds: report.recoveryDurationSeconds,
      settled: Object.fromEntries(
        report.sweeps.filter((sweep) => sweep.settled > 0).map((sweep) => [sweep.name, sweep.settled]),
      ),
      repairedBytes: report.repaired?.bytes ?? 0,
    },
    facts,
  };
}

/** The report as lines for a person. */
export function renderReport(report: Report): string {
  const settled = Object.entries(report.recovery.settled).map(([name, count]) => `${name}: ${String(count)}`);
  const lines = [
    `folder     ${report.folder}`,
    `files      ${count(report.files)}`,
    `bytes      ${count(report.bytes)}, ${count(report.gzipBytes)} under gzip`,
    `lines      ${count(report.lines)}`,
    `largest    ${report.largest === undefined ? 'none' : `${report.largest.path} (${count(report.largest.bytes)} bytes)`}`,
    `this start ${count(report.ranNow)} runs in ${report.seconds.toFixed(2)} s, ${count(report.runsPerSecond)} a second`,
    `recovery   ${count(report.recovery.eventsAppliedTotal)} events in ${report.recovery.seconds.toFixed(3)} s${settled.length === 0 ? '' : `; ${settled.join(', ')}`}${
      report.recovery.repairedBytes === 0
        ? ''
        : `; cut ${count(report.recovery.repairedBytes)} bytes of an unfinished batch`
    }`,
    `failed     ${count(report.failed.length)}`,
    ...report.failed.slice(0, 20).map((file) => `           ${file.path}: ${file.error}`),
  ];
  if (report.failed.length > 20) lines.push(`           and ${count(report.failed.length - 20)} more`);
  return `${lines.join('\n')}\n`;
}

function factsOf(run: RunRecord): FileFacts | undefined {
  const output = run.attempts.at(-1)?.output;
  return run.state === 'completed' && output !== undefined ? (decodePayload(output) as FileFacts) : undefined;
}

function pathOf(pawl: Orchestrator, taskId: string): string {
  const input = pawl.projections.tasks.get(taskId)?.spec.input;
  return input === undefined ? taskId : (decodePayload(input) as FileInput).path;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
