// What a long campaign came to, printed and kept as JSON under `test-results/`, with the machine it ran on.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

const FOLDER = join(process.cwd(), 'test-results');

/** Prints a result in one line and writes it to `test-results/<name>.json`. */
export function recordResult(name: string, result: object): void {
  const machine = {
    kernel: release(),
    node: process.version,
    cores: cpus().length,
    memoryMiB: Math.round(totalmem() / 1_048_576),
  };
  mkdirSync(FOLDER, { recursive: true });
  const text = JSON.stringify({ name, at: new Date().toISOString(), machine, ...result }, undefined, 2);
  writeFileSync(join(FOLDER, `${name}.json`), `${text}\n`);
  process.stdout.write(`${name}: ${JSON.stringify(result)}\n`);
}
