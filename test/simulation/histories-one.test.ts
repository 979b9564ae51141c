// Acceptance row 75, the first half: seeded histories of the whole orchestrator on a disk that fails, judged by the
// reference model. See docs/simulation.md.
import { describe, it } from '@jest/globals';
import { playShare, SHARE_LIMIT_MS } from './share-of-histories.js';

describe('simulated histories, the first half', () => {
  it('break no promise of the contract', () => playShare(0, 20_000, 1), SHARE_LIMIT_MS);
});
