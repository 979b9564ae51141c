// The task: read one file and tell its SHA-256, bytes, lines and size under gzip. Safe to run twice, so a crash in
// the middle costs only the attempt.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { defineTask, TerminalError } from 'pawl';

/** Input of the task. */
export interface FileInput {
  readonly path: string;
}

/** What is known of a file in the end. */
export interface FileFacts {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly lines: number;
  readonly gzipBytes: number;
}

const NEWLINE = 10;
/** What trying again does not mend. */
const FINAL_CODES = new Set(['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ELOOP', 'ENAMETOOLONG']);

/** Indexes one file. */
export const indexFile = defineTask('index-file', async (context, input: FileInput): Promise<FileFacts> => {
  const hash = createHash('sha256');
  let bytes = 0;
  let lines = 0;
  let gzipBytes = 0;
  try {
    await pipeline(
      createReadStream(input.path),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.length;
          for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) lines++;
          yield chunk;
        }
      },
      createGzip(),
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          gzipBytes += chunk.length;
          done();
        },
      }),
      { signal: context.signal },
    );
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code === 'string' && FINAL_CODES.has(code))
      throw new TerminalError(`${input.path} cannot be read: ${code}`, {}, error);
    throw error;
  }
  return { path: input.path, sha256: hash.digest('hex'), bytes, lines, gzipBytes };
});
