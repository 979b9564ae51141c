// States in which many tasks wait with their one run, saved as a snapshot and loaded again as a start does it: with the
// waiting ones left packed.
import type { PawlEvent } from '../../src/domain/events.js';
import { encodePayload } from '../../src/domain/payload.js';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import { loadNewestSnapshot } from '../../src/journal/recovery-snapshot.js';
import { MemorySnapshots } from '../../src/journal/snapshot-store-memory.js';
import { takeSnapshot } from '../../src/journal/snapshot-store.js';
import { silentLogger } from '../../src/logger.js';
import type { Projections } from '../../src/projections/projections.js';
import { event, type HistoryMaker } from './history-maker.js';
import { spec } from './projection-log.js';

const KINDS = [
  { type: 'plain' },
  { type: 'tagged', metadata: { tags: ['a', 'b'], priority: 0 } },
  { type: 'strict', constraints: { ...spec('x').constraints, maxAttempts: 7, timeoutMs: 500 } },
] as const;

/** The events of a submission that is due at once. */
export function waitingPair(maker: HistoryMaker): PawlEvent[] {
  const { random } = maker;
  const taskId = maker.newId('waiting');
  const runId = maker.newId('run');
  const input = random.chance(0.7)
    ? encodePayload({ n: 'x'.repeat(random.below(300)) }, DEFAULT_LIMITS)
    : undefined;
  return [
    event('TaskCreated', {
      spec: spec(taskId, { ...random.pick(KINDS), ...(input === undefined ? {} : { input }) }),
    }),
    event('RunCreated', {
      runId,
      taskId,
      occurrence: 0,
      scheduledAt: maker.now - (random.chance(0.3) ? random.below(10_000) : 0),
      priority: random.chance(0.2) ? random.below(3) - 1 : 0,
    }),
    event('RunStateChanged', { runId, from: 'scheduled', to: 'ready' }),
  ];
}

/** The state as a start finds it in a snapshot. */
export async function throughSnapshot(state: Projections): Promise<Projections> {
  const store = new MemorySnapshots();
  await takeSnapshot(state, store, { takenAt: 0, logger: silentLogger });
  const { loaded, rejected } = await loadNewestSnapshot(store, {}, silentLogger);
  if (loaded === undefined) throw new Error(`Not loaded: ${JSON.stringify(rejected)}`);
  return loaded.projections;
}
