// Runs one bench in this process, so that no bench inherits another one's heap or compiled code, and sends its
// figures to the parent.
import { measureDisk, typicalDisk } from './support/disk.js';
import type { BenchResult } from './support/figure.js';
import { BENCHES } from './registry.js';
import { Workspace } from './support/workspace.js';

const [, , name = '', parentDir = '', rounds = '3', scale = '1', count = ''] = process.argv;
const bench = BENCHES.find((one) => one.name === name);
if (bench === undefined) throw new Error(`No bench is named ${name}.`);
const workspace = new Workspace(parentDir);
try {
  const factor = Number(scale);
  const before = measureDisk(workspace.root);
  const figures = await bench.run({
    rounds: Number(rounds),
    scale: factor,
    count: count === '' ? undefined : Number(count),
    disk: before,
    freshDir: () => workspace.freshDir(),
    scaled: (count) => Math.max(1, Math.round(count * factor)),
  });
  const disk = typicalDisk([before, measureDisk(workspace.root)]);
  const result: BenchResult = { name, claim: bench.claim, disk, figures };
  process.send?.(result);
} finally {
  workspace.remove();
}
