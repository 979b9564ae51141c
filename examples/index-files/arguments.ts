// The command line of the example, read and checked.
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

export const USAGE = `usage: npm start -- [folder] [--data <dir>] [--fresh] [--concurrency <n>] [--json]
  folder         what to index; default: node_modules of this project
  --data <dir>   where progress is kept; default: .pawl-index
  --fresh        begin again, forgetting what an earlier start did
  --concurrency  files read at a time; default 32
  --json         print the report as JSON`;

/** Reads the command line; throws an error with the usage when it cannot be understood. */
export function readArguments(argv: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      data: { type: 'string', default: '.pawl-index' },
      fresh: { type: 'boolean', default: false },
      concurrency: { type: 'string', default: '32' },
      json: { type: 'boolean', default: false },
    },
  });
  const concurrency = Number(values.concurrency);
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 1_000) {
    throw new Error(`--concurrency is ${values.concurrency}; pass an integer from 1 to 1000.`);
  }
  if (positionals.length > 1) throw new Error(`one folder at a time, not ${positionals.join(', ')}.`);
  return {
    folder: resolve(positionals[0] ?? 'node_modules'),
    dataDir: resolve(values.data),
    fresh: values.fresh,
    concurrency,
    json: values.json,
  };
}
