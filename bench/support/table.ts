// Figures as lines that people read: median with least and most, the ratio to the disk, and whether the claim holds.
import type { DiskTimes } from './disk.js';
import { keeps, type BenchResult, type Bound, type Figure } from './figure.js';
import { median, spread } from './stats.js';

/** Pads the columns of rows to the same width; the first column to the left, the others to the right. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  const pad = (cell: string, at: number): string =>
    at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0);
  return rows.map((row) => row.map(pad).join('  ').trimEnd());
}

/** A number with as many digits as it deserves. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/**
 * A figure against one write + fdatasync of the disk: a rate as how many that is a fdatasync, a time as how many
 * fdatasyncs it is; undefined for what has nothing to do with the disk.
 */
export function diskRatio(figure: Figure, disk: DiskTimes): number | undefined {
  const middle = median(figure.values);
  if (figure.kind === 'rate') return (middle * disk.appendP50Ms) / 1000;
  return figure.kind === 'time' ? middle / disk.appendP50Ms : undefined;
}

function verdict(bound: Bound | undefined, figure: Figure): string {
  if (bound === undefined) return '–';
  const limit = 'atLeast' in bound ? `≥ ${short(bound.atLeast)}` : `≤ ${short(bound.atMost)}`;
  return `${limit} ${keeps(bound, median(figure.values)) ? 'met' : 'MISSED'}`;
}

const HEAD = ['figure', 'median', '(min – max)', 'unit', '× disk', 'target', 'next target'];

/** A bench as a table. */
export function benchTable(result: BenchResult): string {
  const rows = result.figures.map((figure) => {
    const { median: middle, min, max } = spread(figure.values);
    const ratio = diskRatio(figure, result.disk);
    return [
      figure.name,
      short(middle),
      `(${short(min)} – ${short(max)})`,
      figure.unit,
      ratio === undefined ? '–' : short(ratio),
      verdict(figure.target, figure),
      verdict(figure.goal, figure),
    ];
  });
  const notes = result.figures.flatMap((figure) => (figure.note === undefined ? [] : [`  ${figure.note}`]));
  return [`\n${result.name}: ${result.claim}`, ...columns([HEAD, ...rows]), ...new Set(notes)].join('\n');
}
