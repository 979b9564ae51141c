// How far the work is: one line that rewrites itself on a terminal, a plain line now and then when piped.

/** What is known at the moment. */
export interface Progress {
  readonly submitted: number;
  readonly done: number;
  readonly failed: number;
}

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 2_000;

/** Shows progress on a stream until the returned function is called. */
export function showProgress(stream: NodeJS.WriteStream, read: () => Progress): () => void {
  const startedMs = performance.now();
  const draw = (): void => {
    const { submitted, done, failed } = read();
    const seconds = Math.max(0.001, (performance.now() - startedMs) / 1_000);
    const share = submitted === 0 ? 0 : Math.floor((100 * (done + failed)) / submitted);
    const line = `${String(done + failed)} of ${String(submitted)} files (${String(share)} %), ${String(failed)} failed, ${String(Math.round((done + failed) / seconds))} a second`;
    stream.write(stream.isTTY ? `\r\u001b[2K${line}` : `${line}\n`);
  };
  const timer = setInterval(draw, stream.isTTY ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    if (!stream.isTTY) return;
    draw();
    stream.write('\n');
  };
}
