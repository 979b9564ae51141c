// The reference itself: rules that histories meet so seldom that a product which broke one could pass for long. Each
// allows what the contract allows, and nothing beyond it.
import { describe, expect, it } from '@jest/globals';
import type { PrunePolicy } from '../../src/decisions/prune.js';
import type { PawlEvent } from '../../src/domain/events.js';
import type { RunState } from '../../src/domain/run-state.js';
import {
  DEFAULT_CONSTRAINTS,
  DEFAULT_METADATA,
  DEFAULT_POLICY,
  type TaskSpec,
} from '../../src/domain/task.js';
import { Model } from './model.js';

type Fact = PawlEvent extends infer E ? (E extends PawlEvent ? Omit<E, 'sequence' | 'at'> : never) : never;

const SPEC: TaskSpec = {
  id: 't',
  type: 'act',
  policy: DEFAULT_POLICY,
  constraints: { ...DEFAULT_CONSTRAINTS, maxAttempts: 3 },
  metadata: DEFAULT_METADATA,
  dependsOn: [],
  budgets: [],
};

/** Tells a reference facts, commit by commit, each a millisecond after the one before. */
class Telling {
  readonly model: Model;
  #batch = 0;
  #at = 1_000;

  constructor(prune?: PrunePolicy) {
    this.model = new Model({ concurrency: 1, repeatWindow: 1, prune });
    this.tell({ type: 'EpochStarted', epoch: 1, instance: 'i', version: '0' });
    this.tell(
      { type: 'TaskCreated', spec: SPEC },
      { type: 'RunCreated', runId: 'r', taskId: 't', occurrence: 0, scheduledAt: 0, priority: 0 },
      this.#went('scheduled', 'ready'),
    );
  }

  /** One commit in a batch of its own. */
  tell(...facts: readonly Fact[]): void {
    this.#batch++;
    this.tellAlso(...facts);
  }

  /** One commit in the batch of the one before. */
  tellAlso(...facts: readonly Fact[]): void {
    const at = this.#at++;
    const firstSequence = this.model.sequence + 1;
    const events = facts.map((fact, index) => ({ ...fact, sequence: firstSequence + index, at }));
    this.model.apply({ header: { at }, firstSequence, events }, String(this.#batch));
  }

  claim(attemptId: string, number: number): void {
    this.tell(
      this.#went('ready', 'leased'),
      { type: 'LeaseAcquired', runId: 'r', owner: 'i', expiryAt: 9 },
      this.#went('leased', 'running'),
      { type: 'AttemptStarted', runId: 'r', attemptId, number, owner: 'i' },
    );
  }

  /** The facts of an attempt's end. */
  ended(attemptId: string, to: RunState, result: 'success' | 'failure' | 'lost'): Fact[] {
    const error = { name: 'E', message: 'm', retryable: true };
    return [
      { type: 'AttemptFinished', runId: 'r', attemptId, result, ...(result === 'success' ? {} : { error }) },
      { type: 'LeaseReleased', runId: 'r', owner: 'i', expiryAt: 9 },
      this.#went('running', to, to === 'retryWait' ? 0 : undefined),
    ];
  }

  woke(): Fact {
    return this.#went('retryWait', 'ready');
  }

  canceled(): Fact {
    return { type: 'TaskCanceled', taskId: 't' };
  }

  #went(from: RunState, to: RunState, wakeAt?: number): Fact {
    return { type: 'RunStateChanged', runId: 'r', from, to, ...(wakeAt === undefined ? {} : { wakeAt }) };
  }
}

describe('under a canceled task', () => {
  it('a retry does not wake', () => {
    const telling = new Telling();
    telling.claim('a', 1);
    telling.tell(...telling.ended('a', 'retryWait', 'failure'));
    telling.tell(telling.canceled());
    expect(() => {
      telling.tell(telling.woke());
    }).toThrow('woke though canceled');
  });

  it('a first loss is retried in its own commit all the same, for the cascade comes later', () => {
    const telling = new Telling();
    telling.claim('a', 1);
    telling.tell(telling.canceled());
    telling.tell(...telling.ended('a', 'retryWait', 'lost'), telling.woke());
    expect(telling.model.runs.get('r')?.state).toBe('ready');
  });
});

describe('a task whose last run has ended', () => {
  const over = (): Telling => {
    const telling = new Telling();
    telling.claim('a', 1);
    telling.tell(...telling.ended('a', 'completed', 'success'));
    return telling;
  };

  it('may be canceled by who could not know: in the same batch, or in the one that was gathered meanwhile', () => {
    const same = over();
    same.tellAlso(same.canceled());
    const next = over();
    next.tell(next.canceled());
    expect([same, next].map(({ model }) => model.tasks.get('t')?.canceled)).toEqual([true, true]);
  });

  it('may not be canceled later', () => {
    const telling = over();
    telling.tell({ type: 'EnginePaused' });
    expect(() => {
      telling.tell(telling.canceled());
    }).toThrow('t was canceled though it had ended 2 batches before');
  });
});

describe('the pruning policy', () => {
  const ended = (prune: PrunePolicy | undefined, batches: number): Telling => {
    const telling = new Telling(prune);
    telling.claim('a', 1);
    telling.tell(...telling.ended('a', 'completed', 'success'));
    for (let count = 0; count < batches; count++)
      telling.tell({ type: count % 2 === 0 ? 'EnginePaused' : 'EngineResumed' });
    return telling;
  };
  const pruned: Fact = { type: 'TasksPruned', taskIds: ['t'] };

  it('takes what ended long enough ago', () => {
    const telling = ended({ olderThanMs: 3 }, 2);
    telling.tell(pruned);
    expect(telling.model.policyPrunes).toBe(1);
  });

  it.each([
    ['a millisecond too early', { olderThanMs: 3 }, 1, 'it ended at'],
    ['one of the newest', { keepNewest: 1 }, 1, 'of 1 ended runs to be kept 0 are left'],
    ['anything when there is none', undefined, 1, 'nobody asked for'],
  ] as const)('does not take %s', (_what, prune, batches, why) => {
    const telling = ended(prune, batches);
    expect(() => {
      telling.tell(pruned);
    }).toThrow(why);
  });
});
