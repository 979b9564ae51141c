// The commands that carried a `commandId`: the last 100 000 or those of 24 h, whichever is less, so that a
// repeat is answered from its first commit.
import type { Commit } from '../domain/events.js';
import type { CommandRecord } from '../domain/nouns.js';
import { RecordQueue } from './record-queue.js';
import { queueSection } from './sections.js';

/** How many commands are remembered, and how long. */
export interface CommandWindow {
  readonly commandWindow: number;
  readonly commandWindowMs: number;
}

/** The remembered commands. */
export class Commands {
  readonly #queue = new RecordQueue<CommandRecord>();
  readonly sections = [
    queueSection('commands', this.#queue, (record) => this.#queue.push(record.commandId, { ...record })),
  ];

  constructor(private readonly window: CommandWindow) {}

  /** Number of remembered commands. */
  get count(): number {
    return this.#queue.size;
  }

  /** The commit of a command; `undefined` when none is remembered under the id. */
  get(commandId: string): CommandRecord | undefined {
    return this.#queue.get(commandId);
  }

  /** Remembers the command of a commit, when it has an id, and forgets what is beyond the window. */
  note(commit: Commit): void {
    const { at, commandId, command, digest } = commit.header;
    if (commandId !== undefined) {
      this.#queue.push(commandId, {
        commandId,
        command: command ?? '',
        digest: digest ?? '',
        sequence: commit.firstSequence,
        count: commit.events.length,
        at,
      });
      if (this.#queue.size > this.window.commandWindow) this.#queue.shift();
    }
    for (let oldest = this.#queue.oldest(); oldest !== undefined; oldest = this.#queue.oldest()) {
      if (oldest.at + this.window.commandWindowMs > at) break;
      this.#queue.shift();
    }
  }
}
