// How far the work is: one line that rewrites itself on a terminal, a plain line now and then when piped.
import type { IndexJob } from './index-folder.js';

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 2_000;
const ERASE_LINE = '\r\u001b[2K';
const DEFAULT_COLUMNS = 80;

/** Shows progress on a stream until the returned function is called. */
export function showProgress(stream: NodeJS.WriteStream, job: IndexJob): () => void {
  const startedMs = performance.now();
  const line = (): string => progressLine(job, (performance.now() - startedMs) / 1_000);
  const draw = (): void => {
    // A line that wraps could not be erased.
    const columns = (stream.columns || DEFAULT_COLUMNS) - 1;
    stream.write(stream.isTTY ? ERASE_LINE + line().slice(0, columns) : `${line()}\n`);
  };
  const timer = setInterval(draw, stream.isTTY ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    if (stream.isTTY) stream.write(ERASE_LINE);
  };
}

function progressLine(job: IndexJob, seconds: number): string {
  const { ranNow: done, pending, failedNow, doneBefore } = job;
  const total = done + pending;
  const share = total === 0 ? 0 : Math.floor((100 * done) / total);
  const parts: string[] = [];
  if (total === 0) parts.push('looking for files');
  else if (job.walking) parts.push(`${count(done)} of ${count(total)} files found so far`);
  else parts.push(`${count(done)} of ${count(total)} files (${String(share)} %)`);
  if (done > 0) parts.push(`${count(done / Math.max(seconds, 0.001))} a second`);
  if (failedNow > 0) parts.push(`${count(failedNow)} failed`);
  if (doneBefore > 0) parts.push(`${count(doneBefore)} done before`);
  return parts.join(', ');
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
