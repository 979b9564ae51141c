// What the `pawl` command is asked to do, from its arguments. What it does not know it refuses, and says how it is used.
import { parseArgs } from 'node:util';

/** The commands, and what they do. */
export const COMMANDS = {
  verify: 'read every byte of the log and every snapshot, and change nothing',
  dump: 'print every event as a line of JSON',
  repair: 'cut an incomplete last batch, keeping a copy of it',
  salvage: 'write a new directory from what is whole in a damaged one',
  snapshot: 'write a snapshot, so that the next start has less to read',
  stats: 'count segments, events and snapshots',
} as const;

/** Name of a command. */
export type CommandName = keyof typeof COMMANDS;

/** A command line that was understood. */
export interface ParsedCommand {
  readonly command: CommandName;
  readonly dir: string;
  /** Of `salvage`: the new directory. */
  readonly target: string | undefined;
  readonly json: boolean;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly type: string | undefined;
}

/** What the arguments come to: a command, or a text to be printed, which is an error when `wrong` is set. */
export type Parsed =
  | { readonly kind: 'run'; readonly command: ParsedCommand }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'wrong'; readonly message: string };

/** How the command is used. */
export const USAGE = [
  'Usage: pawl <command> <directory> [options]',
  '',
  ...Object.entries(COMMANDS).map(([name, text]) => `  ${name.padEnd(10)}${text}`),
  '',
  '  pawl salvage <directory> <new directory>',
  '',
  'Options:',
  '  --json          one JSON value instead of text; errors too',
  '  --from <n>      of dump: first sequence',
  '  --to <n>        of dump: last sequence',
  '  --type <name>   of dump: only events of this type',
  '  --help, --version',
  '',
  'Exit codes: 0 done and whole, 1 refused or damaged, 2 wrong usage, 3 a torn end that repair would cut.',
].join('\n');

const OPTIONS = {
  json: { type: 'boolean' },
  from: { type: 'string' },
  to: { type: 'string' },
  type: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

/** Understands a command line. */
export function parseCommand(args: readonly string[]): Parsed {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    if (values.help === true) return { kind: 'help' };
    if (values.version === true) return { kind: 'version' };
    const [command, dir, target, ...more] = positionals;
    if (command === undefined) return wrong('a command is missing');
    if (!isCommand(command)) return wrong(`there is no command ${command}`);
    if (dir === undefined) return wrong(`${command} needs a directory`);
    if (command === 'salvage' && target === undefined)
      return wrong('salvage needs the new directory behind the old one');
    if ((command !== 'salvage' && target !== undefined) || more.length > 0)
      return wrong(
        `${command} takes no more than ${command === 'salvage' ? 'two directories' : 'one directory'}`,
      );
    const { from, to, type } = values;
    if (command !== 'dump' && (from ?? to ?? type) !== undefined)
      return wrong('--from, --to and --type are options of dump');
    const range = { from: sequence(from), to: sequence(to) };
    if (range.from === null || range.to === null) return wrong('--from and --to take a sequence, 1 or more');
    const json = values.json === true;
    return { kind: 'run', command: { command, dir, target, json, from: range.from, to: range.to, type } };
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
}

function wrong(message: string): Parsed {
  return { kind: 'wrong', message };
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

/** Undefined when absent, null when it is none. */
function sequence(text: string | undefined): number | undefined | null {
  if (text === undefined) return undefined;
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) && value > 0 ? value : null;
}
