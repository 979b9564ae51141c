// A program in a process of its own, to be asked over IPC and killed for real. A wait ends with what it waits for, or
// fails with the end of the program, with what the program said, or when nothing came for very long; that a
// program is quick is never asked.
import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import type { EngineCalls, EngineSetup, Told } from '../programs/protocol.js';

const TRANSPILE = join(process.cwd(), 'test/process/harness/transpile.mjs');
const TRANSPILE_LIMIT_MS = 120_000;
const WAIT_LIMIT_MS = 45_000;
const MAX_STDERR_CHARS = 4_000;

const alive = new Set<Child>();
let builtRoot: string | undefined;

afterEach(async () => {
  await Promise.all([...alive].map((child) => child.kill()));
});

/** Folder with the sources, the examples and the programs as plain JavaScript. */
export function builtProgramsRoot(): string {
  builtRoot ??= execFileSync(process.execPath, [TRANSPILE], {
    encoding: 'utf8',
    timeout: TRANSPILE_LIMIT_MS,
  }).trim();
  return builtRoot;
}

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that runs in a process of its own. */
export class Child {
  readonly told: Told[] = [];
  /** Resolves when the process is gone and its output is read. */
  readonly ended: Promise<Ended>;
  readonly #name: string;
  readonly #process: ChildProcess;
  #stderr = '';
  #over: Ended | undefined;
  #calls = 0;
  #changed: (() => void)[] = [];

  constructor(name: string, setup: unknown) {
    this.#name = name;
    const file = join(builtProgramsRoot(), 'test/process/programs', `${name}.js`);
    this.#process = fork(file, [JSON.stringify(setup)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Nothing of the test runner's: its loaders and inspectors are not the program's business.
      execArgv: [],
      env: { PATH: process.env['PATH'] },
    });
    alive.add(this);
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_STDERR_CHARS);
    });
    this.#process.on('message', (message) => {
      this.told.push(message as Told);
      this.#change();
    });
    this.ended = new Promise((resolve) => {
      this.#process.once('close', (code, signal) => {
        alive.delete(this);
        this.#over = { code, signal };
        this.#change();
        resolve(this.#over);
      });
    });
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

  /** Asks the engine program. */
  async ask<K extends keyof EngineCalls>(
    method: K,
    ...args: Parameters<EngineCalls[K]>
  ): Promise<ReturnType<EngineCalls[K]>> {
    this.#requireUsable(`an answer to ${method}`);
    const id = this.#calls++;
    this.#process.send({ id, method, args });
    const answer = await this.until(`an answer to ${method}`, (told) =>
      told.type === 'answer' && told.id === id ? told : undefined,
    );
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error}`);
    return answer.value as ReturnType<EngineCalls[K]>;
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

  /** `kill -9`; resolves when the process is gone. */
  async kill(): Promise<Ended> {
    if (this.#over === undefined) this.#process.kill('SIGKILL');
    return await this.ended;
  }

  async #untilChanged(what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        const told = this.told.slice(-3).map((last) => JSON.stringify(last));
        reject(new Error(`${this.#name}: nothing came while waiting for ${what}. Last: ${told.join(' ')}`));
      }, WAIT_LIMIT_MS);
      this.#changed.push(() => {
        clearTimeout(timer);
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
      `${this.#name} ended (${String(code ?? signal)}) while the test waited for ${what}.\n${this.#stderr}`,
    );
  }

  #change(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

/** Starts the engine program and resolves when it is open. */
export async function startEngine(setup: EngineSetup): Promise<Child> {
  const child = new Child('engine', setup);
  await opened(child);
  return child;
}

/** Resolves with what the start found, once the orchestrator of a program is open. */
export function opened(child: Child): Promise<Told & { readonly type: 'opened' }> {
  return child.until('its orchestrator to open', (told) => (told.type === 'opened' ? told : undefined));
}
