// Pause and resume: two facts, each refused when it holds already.
import { describe, expect, it } from '@jest/globals';
import { pause, resume } from '../../src/decisions/engine.js';
import { given } from '../../src/testing/given.js';

describe('pause', () => {
  it('is a fact with its reason', () => {
    const { result } = given([])
      .when(pause, { reason: 'maintenance' })
      .then([{ type: 'EnginePaused', reason: 'maintenance' }]);
    expect(result).toEqual({ changed: true });
  });

  it('is refused while the engine is paused, saying since when', () => {
    given([{ at: 7_000, events: [{ type: 'EnginePaused' }] }])
      .when(pause, {})
      .then({ code: 'ALREADY_PAUSED', data: { pausedAt: 7_000 } });
  });
});

describe('resume', () => {
  it('ends a pause', () => {
    given([{ type: 'EnginePaused' }])
      .when(resume, {})
      .then([{ type: 'EngineResumed' }]);
  });

  it('is refused while the engine is not paused', () => {
    given([]).when(resume, {}).then({ code: 'NOT_PAUSED' });
    given([{ type: 'EnginePaused' }, { type: 'EngineResumed' }])
      .when(resume, {})
      .then({ code: 'NOT_PAUSED' });
  });
});
