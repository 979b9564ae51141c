// The command line of the example, read and checked before anything is touched.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What the command line asks for. */
export interface Arguments {
  /** Folder whose files are indexed. */
  readonly folder: string;
  /** Where the orchestrator keeps its journal. */
  readonly dataDir: string;
  /** Forget what an earlier start did. */
  readonly fresh: boolean;
  /** Files that are read at a time. */
  readonly concurrency: number;
  /** Print the report as JSON, every file included. */
  readonly json: boolean;
}

/** A command line that cannot be understood; its message ends with the usage. */
export class UsageError extends Error {}

export const USAGE = `usage: npm start -- [folder] [--data <dir>] [--fresh] [--concurrency <n>] [--json]

  folder             what to index; default: node_modules of this project
  --data <dir>       where progress is kept; default: .pawl-index
  --fresh            begin again, forgetting what an earlier start did
  --concurrency <n>  files read at a time, 1 to 1000; default 32
  --json             print the report as JSON, every file included
  --help             print this

Kill it at any moment and start it again: it goes on where it was.
`;

const MAX_CONCURRENCY = 1_000;
const OPTIONS = {
  data: { type: 'string', default: '.pawl-index' },
  fresh: { type: 'boolean', default: false },
  concurrency: { type: 'string', default: '32' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** Reads the command line; undefined when it asks for help. Throws `UsageError`. */
export async function readArguments(argv: readonly string[]): Promise<Arguments | undefined> {
  const { values, positionals } = parse(argv);
  if (values.help) return undefined;
  const concurrency = Number(values.concurrency);
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MAX_CONCURRENCY) {
    throw new UsageError(
      `--concurrency is "${values.concurrency}"; pass an integer from 1 to ${String(MAX_CONCURRENCY)}.`,
    );
  }
  if (values.data === '') throw new UsageError('--data is empty; pass a directory.');
  if (positionals.length > 1) {
    throw new UsageError(
      `One folder at a time, not ${String(positionals.length)}: ${positionals.join(', ')}.`,
    );
  }
  const folder = resolve(positionals[0] ?? 'node_modules');
  await requireFolder(folder);
  return { folder, dataDir: resolve(values.data), fresh: values.fresh, concurrency, json: values.json };
}

type Parsed = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>;

function parse(argv: readonly string[]): Parsed {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function requireFolder(folder: string): Promise<void> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(folder)).isDirectory();
  } catch (error) {
    const { code } = error as { code?: unknown };
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be looked at (${String(code)})`;
    throw new UsageError(`The folder ${folder} ${why}; pass one that does.`);
  }
  if (!isFolder) throw new UsageError(`${folder} is not a folder; pass the folder it is in.`);
}
