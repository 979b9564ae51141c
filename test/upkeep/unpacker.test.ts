// What is packed becomes rows in the background, a part a turn; a snapshot waits for that, and a stop ends it.
import { describe, expect, it } from '@jest/globals';
import { Unpacker } from '../../src/upkeep/unpacker.js';

function packed(parts: number) {
  const turns: (() => void)[] = [];
  const left = {
    size: parts,
    bringSome() {
      this.size--;
    },
  };
  const unpacker = new Unpacker(left, { yieldTurn: (task) => turns.push(task) });
  const turn = async (): Promise<void> => {
    turns.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { left, unpacker, turn };
}

describe('the unpacker', () => {
  it('makes rows of a part each turn, until nothing is left', async () => {
    const { left, unpacker, turn } = packed(3);
    const done = unpacker.run();
    expect(unpacker.run()).toBe(done);
    const sizes = [left.size];
    for (let at = 0; at < 3; at++) {
      await turn();
      sizes.push(left.size);
    }
    await done;
    expect([sizes, unpacker.busy]).toEqual([[3, 2, 1, 0], false]);
  });

  it('makes no more once it is stopped', async () => {
    const { left, unpacker, turn } = packed(3);
    const done = unpacker.run();
    await turn();
    unpacker.stop();
    await turn();
    await done;
    expect([left.size, unpacker.busy]).toEqual([2, false]);
  });

  it('has nothing to do where nothing is packed', async () => {
    const unpacker = new Unpacker(undefined, { yieldTurn: () => undefined });
    expect(unpacker.busy).toBe(false);
    await unpacker.run();
  });
});
