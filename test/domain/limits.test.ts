// The defaults are part of the contract: a change of one is a change of what users may rely on.
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';

describe('the default limits', () => {
  it('are these', () => {
    expect(DEFAULT_LIMITS).toMatchObject({
      maxPayloadBytes: 2 ** 20,
      maxPayloadDepth: 64,
      maxFrameBytes: 16 * 2 ** 20,
      maxCommitEvents: 10_000,
      segmentBytes: 64 * 2 ** 20,
      preallocateBytes: 2 ** 20,
      reserveBytes: 8 * 2 ** 20,
      maxPendingRuns: 10_000_000,
      maxQueuedCommands: 10_000,
      maxQueuedBytes: 64 * 2 ** 20,
      maxReturnedRunIds: 1_000,
      maxSubmitMany: 10_000,
      maxDependsOn: 1_000,
      maxHierarchyDepth: 8,
      maxChildren: 100_000,
      maxTags: 32,
      repeatWindow: 1_000,
      reactionBatch: 256,
      commandWindow: 100_000,
      commandWindowMs: 24 * 3_600_000,
      prunedWindow: 100_000,
      snapshotBeforeImageBytes: 256 * 2 ** 20,
      maxLiveActors: 1_000,
      maxCursors: 100,
      maxWaitingResults: 100_000,
      maxSubscribers: 200_000,
      maxWaitingCalls: 10_000,
      emitBacklog: 10_000,
      maxReportedIds: 100,
    });
  });

  it('are all positive integers, and frozen', () => {
    for (const value of Object.values(DEFAULT_LIMITS)) {
      expect(Number.isSafeInteger(value) && value > 0).toBe(true);
    }
    expect(Object.isFrozen(DEFAULT_LIMITS)).toBe(true);
  });
});
