// Acceptance row 75 at length, the first half: a million histories of other seeds than `npm test` plays. PAWL_HISTORIES
// and PAWL_FIRST_SEED ask for others.
import { describe, it } from '@jest/globals';
import { playShare, SHARE_LIMIT_MS } from '../simulation/share-of-histories.js';

describe('1 000 000 simulated histories, the first half', () => {
  it('break no promise of the contract', () => playShare(0, 1_000_000, 2_000_000_000), SHARE_LIMIT_MS * 12);
});
