// Lines in columns: when, from where, of whom, what. An actor is shown with the state it came from.

const TIME_WIDTH = 5;
const SOURCE_WIDTH = 7;
const NAME_WIDTH = 12;

/** Writes what is watched. */
export class Screen {
  readonly #stream: NodeJS.WritableStream;
  readonly #startedMs = performance.now();
  readonly #states = new Map<string, string>();

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  /** An actor took an event and is in `state` now. Events that leave it where it was are not shown. */
  actor(name: string, state: string, event: string): void {
    const before = this.#states.get(name);
    if (before === state) return;
    this.#states.set(name, state);
    this.line(
      'inspect',
      name,
      before === undefined ? `begins ${state}` : `${before} → ${state}  by ${event}`,
    );
  }

  /** One line. */
  line(source: string, name: string, text: string): void {
    const time = String(Math.round(performance.now() - this.#startedMs)).padStart(TIME_WIDTH);
    this.#stream.write(`${time} ms  ${source.padEnd(SOURCE_WIDTH)}  ${name.padEnd(NAME_WIDTH)}  ${text}\n`);
  }
}
