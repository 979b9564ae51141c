// Runs a command of `pawl` and gives its exit code. What it finds goes to `out`, errors go to `err`, one line each;
// with `--json` both are JSON values, one a line.
import { isPawlError } from '../errors.js';
import {
  dump,
  repair,
  salvage,
  snapshotDirectory,
  stats,
  verify,
  verifySnapshots,
} from '../journal/index.js';
import { VERSION } from '../version.js';
import { USAGE, parseCommand, type ParsedCommand } from './arguments.js';
import { repairText, salvageText, snapshotText, statsText, verifyText } from './texts.js';

/** Where the lines go. `out` resolves when more may be written; false when nobody reads any more. */
export interface Terminal {
  out(line: string): Promise<boolean>;
  err(line: string): Promise<boolean>;
}

/** Exit codes of `pawl`. */
export const EXIT = Object.freeze({ done: 0, failed: 1, usage: 2, torn: 3 });

/** Runs the command line `args`. Never throws for what a directory holds. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const parsed = parseCommand(args);
  if (parsed.kind === 'help') {
    await terminal.out(USAGE);
    return EXIT.done;
  }
  if (parsed.kind === 'version') {
    await terminal.out(VERSION);
    return EXIT.done;
  }
  if (parsed.kind === 'wrong') {
    await terminal.err(`pawl: ${parsed.message}; see pawl --help`);
    return EXIT.usage;
  }
  const { command } = parsed;
  try {
    return await run(command, terminal);
  } catch (error) {
    await terminal.err(command.json ? errorJson(error) : `pawl: ${oneLine(error)}`);
    return isPawlError(error, 'TORN_TAIL') ? EXIT.torn : EXIT.failed;
  }
}

async function run(command: ParsedCommand, terminal: Terminal): Promise<number> {
  const { dir, json } = command;
  const show = async (value: object, text: string): Promise<void> => {
    await terminal.out(json ? JSON.stringify(value) : text);
  };
  switch (command.command) {
    case 'dump':
      return await dumpLines(command, terminal);
    case 'verify': {
      const log = await verify(dir);
      const snapshots = await verifySnapshots(dir);
      await show({ ...log, snapshots }, verifyText(log, snapshots));
      return snapshots.some(({ error }) => error !== undefined) ? EXIT.failed : EXIT.done;
    }
    case 'repair': {
      const report = await repair(dir);
      await show(report, repairText(report));
      return EXIT.done;
    }
    case 'salvage': {
      const report = await salvage(dir, command.target ?? '');
      await show(report, salvageText(report));
      return report.refused === undefined ? EXIT.done : EXIT.failed;
    }
    case 'snapshot': {
      const info = await snapshotDirectory(dir);
      await show(info, snapshotText(info));
      return EXIT.done;
    }
    case 'stats': {
      const found = await stats(dir);
      await show(found, statsText(found));
      return found.damage === undefined ? EXIT.done : EXIT.failed;
    }
  }
}

async function dumpLines({ dir, from, to, type }: ParsedCommand, terminal: Terminal): Promise<number> {
  const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  for await (const event of dump(dir, range)) {
    if (type !== undefined && event.type !== type) continue;
    // A pipe whose reader has seen enough is no error.
    if (!(await terminal.out(JSON.stringify(event)))) return EXIT.done;
  }
  return EXIT.done;
}

function oneLine(error: unknown): string {
  const text = isPawlError(error) ? `${error.code}: ${error.message}` : String(error);
  return text.replace(/\s*\n\s*/g, ' ');
}

function errorJson(error: unknown): string {
  if (!isPawlError(error)) return JSON.stringify({ error: { code: 'INTERNAL', message: String(error) } });
  const { code, message, data } = error;
  return JSON.stringify({ error: { code, message, data } });
}
