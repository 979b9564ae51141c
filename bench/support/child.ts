// Runs a program of `bench/children` in a process of its own and times it from outside. The program answers with one
// line of JSON; the time runs from the start of the process until that line is here.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a child answered, and how long after its start. */
export interface Answered<T> {
  readonly answer: T;
  readonly ms: number;
}

const CHILDREN = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), 'children');

/** Runs a child to its end. */
export function runChild<T>(name: string, args: readonly string[]): Promise<Answered<T>> {
  return run<T>([path.join(CHILDREN, `${name}.js`), ...args]);
}

/** Milliseconds of a Node process that only says a line, as the children do. */
export async function bareNodeMs(): Promise<number> {
  return (await run<number>(['-e', 'require("node:fs").writeSync(1, "0\\n")'])).ms;
}

/** The same of one that loads xstate and RxJS first, without which the package cannot be. */
export async function dependenciesMs(): Promise<number> {
  const load = ['xstate', 'rxjs'].map(
    (name) => `require(${JSON.stringify(createRequire(import.meta.url).resolve(name))})`,
  );
  return (await run<number>(['-e', `${load.join(';')};require("node:fs").writeSync(1, "0\\n")`])).ms;
}

function run<T>(args: readonly string[]): Promise<Answered<T>> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(process.execPath, ['--expose-gc', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    let ms = 0;
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (chunk: string) => {
      if (ms === 0) ms = performance.now() - start;
      text += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve({ answer: JSON.parse(text) as T, ms });
      else reject(new Error(`${args.join(' ')} ended with ${String(code)}: ${text}`));
    });
  });
}
