// Limits as they are passed, checked: each by itself, and those of one engine against each other. What follows by
// itself (an end, a reaction, a cascade) must fit into a commit, or it would be refused and tried again for ever.
import { invalid, requireFields, requireInteger } from './check.js';
import { DEFAULT_LIMITS, MAX_DIMENSIONS, MAY_BE_ZERO, type Limits } from './limits.js';

/** Most events that one aggregate puts into a reaction, and a claim or an end into its commit, but for consumption. */
const EVENTS_OF_ONE = 4;
/** Bytes that one aggregate takes in a reaction: ids, a reason, the error of a lost attempt. */
const REACTION_BYTES = 2_048;
/** Bytes of a commit that are no payload: an error with its stack, two lists of pruned ids. */
const COMMIT_BYTES = 262_144;
/** Bytes of everything that an attempt consumes at a time, for each level of tasks that is charged. */
const LEVEL_BYTES = 131_072;
/** What the fields of a frame can say, and a buffer can hold with ease. */
const LARGEST: Partial<Limits> = { maxFrameBytes: 1_073_741_824, maxCommitEvents: 1_048_576 };

type Name = keyof Limits;

interface Relation {
  /** The limit that must not be too small. */
  readonly name: Name;
  /** The limit that asks for it. */
  readonly by: Name;
  readonly least: (limits: Limits) => number;
}

const RELATIONS: readonly Relation[] = [
  {
    name: 'maxCommitEvents',
    by: 'reactionBatch',
    least: ({ reactionBatch }) => EVENTS_OF_ONE * reactionBatch,
  },
  {
    name: 'maxCommitEvents',
    by: 'maxHierarchyDepth',
    least: ({ maxHierarchyDepth }) => EVENTS_OF_ONE + MAX_DIMENSIONS * maxHierarchyDepth,
  },
  {
    name: 'maxFrameBytes',
    by: 'reactionBatch',
    least: ({ reactionBatch }) => REACTION_BYTES * reactionBatch,
  },
  {
    name: 'maxFrameBytes',
    by: 'maxPayloadBytes',
    least: ({ maxPayloadBytes, maxHierarchyDepth }) =>
      maxPayloadBytes + COMMIT_BYTES + LEVEL_BYTES * maxHierarchyDepth,
  },
];

/** Checks each limit by itself and fills in the defaults. Errors: `INVALID_INPUT`. */
export function checkLimits(given: Partial<Limits> | undefined, path: string): Limits {
  if (given === undefined) return DEFAULT_LIMITS;
  const names = Object.keys(DEFAULT_LIMITS) as Name[];
  requireFields(given, path, names);
  const limits: Record<Name, number> = { ...DEFAULT_LIMITS };
  for (const name of names) {
    const value = given[name];
    if (value === undefined) continue;
    const max = LARGEST[name];
    limits[name] = requireInteger(value, `${path}.${name}`, {
      min: MAY_BE_ZERO.has(name) ? 0 : 1,
      ...(max === undefined ? {} : { max }),
    });
  }
  return Object.freeze(limits);
}

/** The same, and what an engine needs of them together. Errors: `INVALID_INPUT`, naming both limits. */
export function resolveLimits(given: Partial<Limits> | undefined, path: string): Limits {
  const limits = checkLimits(given, path);
  for (const { name, by, least } of RELATIONS) {
    const needed = least(limits);
    if (limits[name] >= needed) continue;
    const rule = `it must be at least ${String(needed)} with ${path}.${by} at ${String(limits[by])}; raise the first or lower the second`;
    throw invalid(`${path}.${name}`, rule, limits[name]);
  }
  return limits;
}
