// What a bench says: figures, each with one value a round, and the claim that its median is held against.
import type { DiskTimes } from './disk.js';

/** `rate`: a second, more is better. `time`: milliseconds, `bytes` and `ratio`: less is better unless said. */
export type FigureKind = 'rate' | 'time' | 'bytes' | 'ratio';

/** A bound of the median. */
export type Bound = { readonly atLeast: number } | { readonly atMost: number };

/** One figure. */
export interface Figure {
  readonly name: string;
  readonly kind: FigureKind;
  readonly unit: string;
  /** One a round. */
  readonly values: readonly number[];
  /** What must hold. */
  readonly target?: Bound;
  /** What the next step aims at. */
  readonly goal?: Bound;
  /** What one must know to read the figure. */
  readonly note?: string;
}

/** What a bench is run with. */
export interface BenchContext {
  /** Rounds that are measured; one more is run before them to warm up. */
  readonly rounds: number;
  /** Factor on the counts, 1 unless a short run is wanted. */
  readonly scale: number;
  /** The disk, measured in this process just before. */
  readonly disk: DiskTimes;
  /** An empty directory on that disk; removed at the end. */
  readonly freshDir: () => string;
  /** What `--count` says: how many of what the bench is about. */
  readonly count: number | undefined;
  /** `count × scale`, at least 1. */
  readonly scaled: (count: number) => number;
}

/** One bench: a file of `bench/cases`. */
export interface Bench {
  readonly name: string;
  /** The sentence the figures are held against. */
  readonly claim: string;
  /** True for one that takes long: it is run only when it is named. */
  readonly onDemand?: boolean;
  run(context: BenchContext): Promise<readonly Figure[]>;
}

/** What a finished bench hands back. */
export interface BenchResult {
  readonly name: string;
  readonly claim: string;
  readonly disk: DiskTimes;
  readonly figures: readonly Figure[];
}

/** Whether a value keeps a bound. */
export function keeps(bound: Bound, value: number): boolean {
  return 'atLeast' in bound ? value >= bound.atLeast : value <= bound.atMost;
}
