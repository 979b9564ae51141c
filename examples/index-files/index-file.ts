// The task: read one file and tell its SHA-256, bytes, lines and size under gzip. It only reads, so running it twice
// does no harm: a crash in the middle costs the attempt and nothing else.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';
import { defineTask, TerminalError, type HandlerContext } from 'pawl';
import { openable, type FilePath } from './file-path.js';

/** Input of the task. */
export interface FileInput extends FilePath {
  /** Bytes when it was found. */
  readonly size: number;
}

/** What is known of a file in the end. */
export interface FileFacts extends FilePath {
  readonly sha256: string;
  readonly bytes: number;
  /** Newline characters, as `wc -l` counts. */
  readonly lines: number;
  readonly gzipBytes: number;
}

const NEWLINE = 10;
/** Above this a file is read in pieces: thousands of small ones are faster whole, one large one must not fill memory. */
const WHOLE_UP_TO_BYTES = 1_048_576;
/** What trying again does not mend. */
const FINAL_CODES = new Set(['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG']);
const gzipWhole = promisify(gzip);

/** Indexes one file. */
export const indexFile = defineTask('index-file', async (context, input: FileInput): Promise<FileFacts> => {
  try {
    const { size, ...path } = input;
    const found =
      size <= WHOLE_UP_TO_BYTES
        ? await indexWhole(openable(path))
        : await indexInPieces(openable(path), context);
    return { ...path, ...found };
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code === 'string' && FINAL_CODES.has(code))
      throw new TerminalError(`cannot be read: ${code}`, {}, error);
    throw error;
  }
});

/** What the content of a file tells. */
type ContentFacts = Omit<FileFacts, keyof FilePath>;

async function indexWhole(path: string | Buffer): Promise<ContentFacts> {
  const content = await readFile(path);
  const { length: gzipBytes } = await gzipWhole(content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { sha256, bytes: content.length, lines: linesOf(content), gzipBytes };
}

async function indexInPieces(path: string | Buffer, context: HandlerContext): Promise<ContentFacts> {
  const hash = createHash('sha256');
  let bytes = 0;
  let lines = 0;
  let gzipBytes = 0;
  await pipeline(
    createReadStream(path),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
        lines += linesOf(chunk);
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
    // Stops in the middle when the run is canceled or the orchestrator closes.
    { signal: context.signal },
  );
  return { sha256: hash.digest('hex'), bytes, lines, gzipBytes };
}

function linesOf(content: Buffer): number {
  let lines = 0;
  for (let at = content.indexOf(NEWLINE); at !== -1; at = content.indexOf(NEWLINE, at + 1)) lines++;
  return lines;
}
