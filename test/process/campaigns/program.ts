// A program in a process of its own, to be asked over IPC and killed for real. A wait ends with what it waits for, or
// fails with the end of the program, with what the program said, or when nothing came for very long; that a
// program is quick is never asked. It knows nothing of the test runner, so that campaigns can use it too.
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { EngineCalls, LoadCalls, SubmitterCalls, Told } from '../programs/protocol.js';
import { whenPatienceEnds } from './patience.js';

const WAIT_LIMIT_SECONDS = 45;
const MAX_STDERR_CHARS = 4_000;

/** How a program is started. */
export interface Launch {
  /** Folder with the transpiled sources. */
  readonly root: string;
  /** The file, from `root` on, without its ending. */
  readonly file: string;
  readonly setup: unknown;
  /** A command that executes what stands behind it, with what it needs for that: `['unshare', '--mount']`. */
  readonly through?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

type Calls = EngineCalls & LoadCalls & SubmitterCalls;

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that runs in a process of its own. */
export class Program {
  readonly told: Told[] = [];
  /** Resolves when the process is gone and its output is read. */
  readonly ended: Promise<Ended>;
  readonly #name: string;
  readonly #process: ChildProcess;
  #stderr = '';
  #over: Ended | undefined;
  #calls = 0;
  #changed: (() => void)[] = [];

  constructor({ root, file, setup, through = [], env = {} }: Launch) {
    this.#name = file;
    const own = [process.execPath, join(root, `${file}.js`), JSON.stringify(setup)];
    const [command = process.execPath, ...args]: readonly string[] = [...through, ...own];
    this.#process = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Nothing of the test runner's: its loaders and inspectors are not the program's business.
      env: { PATH: process.env['PATH'], ...env },
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_STDERR_CHARS);
    });
    this.#process.on('message', (message) => {
      this.told.push(message as Told);
      this.#change();
    });
    this.ended = new Promise((resolve) => {
      const over = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#over ??= { code, signal };
        this.#change();
        resolve(this.#over);
      };
      this.#process.once('close', over);
      this.#process.once('error', (error) => {
        this.#stderr += error.message;
        over(-1, null);
      });
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** What it wrote to stderr, its end. */
  get complaint(): string {
    return this.#stderr;
  }

  /** The first thing told, now or later, that `pick` gives a value for. Throws when the program ends or fails before. */
  async until<T>(what: string, pick: (told: Told) => T | undefined): Promise<T> {
    let seen = 0;
    for (;;) {
      for (; seen < this.told.length; seen++) {
        const picked = pick(this.told[seen] as Told);
        if (picked !== undefined) return picked;
      }
      this.#requireUsable(what);
      await this.#untilChanged(what);
    }
  }

  /** What it reports when it is done. */
  async report(): Promise<unknown> {
    const [report] = await this.until('its report', (told) =>
      told.type === 'report' ? [told.report] : undefined,
    );
    return report;
  }

  /** Asks the program; each kind knows its own calls. */
  async ask<K extends keyof Calls>(method: K, ...args: Parameters<Calls[K]>): Promise<ReturnType<Calls[K]>> {
    this.#requireUsable(`an answer to ${method}`);
    const id = this.#calls++;
    this.#process.send({ id, method, args });
    const answer = await this.until(`an answer to ${method}`, (told) =>
      told.type === 'answer' && told.id === id ? told : undefined,
    );
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error}`);
    return answer.value as ReturnType<Calls[K]>;
  }

  /** Handler calls that were told so far with one of these names. */
  began(...names: readonly string[]): number {
    return this.told.filter((told) => told.type === 'began' && names.includes(told.name)).length;
  }

  /** Resolves when handlers with these names have begun, each as often as it is listed. */
  async untilBegan(...names: readonly string[]): Promise<void> {
    const left = [...names];
    await this.until(`the beginning of ${names.join(', ')}`, (told) => {
      const at = told.type === 'began' ? left.indexOf(told.name) : -1;
      if (at >= 0) left.splice(at, 1);
      return left.length === 0 ? true : undefined;
    });
  }

  /** How it ended; undefined when it had not after so many seconds. */
  async endedWithin(seconds: number): Promise<Ended | undefined> {
    return await new Promise((resolve) => {
      const stop = whenPatienceEnds(seconds, () => {
        resolve(undefined);
      });
      void this.ended.then((ended) => {
        stop();
        resolve(ended);
      });
    });
  }

  /** `kill -9`; resolves when the process is gone. */
  async kill(): Promise<Ended> {
    if (this.#over === undefined) this.#process.kill('SIGKILL');
    return await this.ended;
  }

  async #untilChanged(what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const stop = whenPatienceEnds(WAIT_LIMIT_SECONDS, () => {
        const told = this.told.slice(-3).map((last) => JSON.stringify(last));
        reject(new Error(`${this.#name}: nothing came while waiting for ${what}. Last: ${told.join(' ')}`));
      });
      this.#changed.push(() => {
        stop();
        resolve();
      });
    });
  }

  #requireUsable(what: string): void {
    const failed = this.told.find((told) => told.type === 'failed');
    if (failed !== undefined) throw new Error(`${this.#name} failed: ${failed.message}`);
    if (this.#over === undefined) return;
    const { code, signal } = this.#over;
    throw new Error(
      `${this.#name} ended (${String(code ?? signal)}) while something waited for ${what}.\n${this.#stderr}`,
    );
  }

  #change(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

/** Resolves with what the start found, once the orchestrator of a program is open. */
export function opened(program: Program): Promise<Told & { readonly type: 'opened' }> {
  return program.until('its orchestrator to open', (told) => (told.type === 'opened' ? told : undefined));
}
