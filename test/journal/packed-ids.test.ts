// Ids that are no strings: found by order where they ascend in a few stretches, by hash where they do not; one that is
// there twice is noticed either way, and records that were let go of stand in nobody's way.
import { describe, expect, it } from '@jest/globals';
import { IdStretches, type IndexedIds } from '../../src/journal/id-stretches.js';
import { IdColumn } from '../../src/journal/id-column.js';
import { compareIds, NO_BYTES, viewOf, type IdBytes } from '../../src/journal/id-bytes.js';
import { HashedIds, SortedIds, type LocateId } from '../../src/journal/packed-ids.js';
import { Random } from '../support/random.js';

/** Ids by number; one that is undefined was let go of. */
class Ids {
  readonly #bytes: (Buffer | undefined)[];

  constructor(ids: readonly string[]) {
    // Not at the beginning of their buffers, as in a record.
    this.#bytes = ids.map((id) => Buffer.from(`..${id}..`, 'latin1'));
  }

  drop(number: number): void {
    this.#bytes[number] = undefined;
  }

  /** The id of a number, as a column of one row. */
  column(number: number): IdColumn {
    const buffer = this.#bytes[number] ?? Buffer.alloc(0);
    const width = buffer.length - 4;
    return new IdColumn({ buffer, view: viewOf(buffer), from: 2, count: 1, width, ends: undefined });
  }

  readonly locate: LocateId = (number, into) => {
    const bytes = this.#bytes[number];
    into.bytes = bytes === undefined ? NO_BYTES : viewOf(bytes);
    into.from = 2;
    into.length = bytes === undefined ? 0 : bytes.length - 4;
  };
}

function indexed(ids: readonly string[]): IndexedIds & { ids: Ids } {
  const kept = new Ids(ids);
  const stretches = new IdStretches(kept.locate);
  for (const number of ids.keys()) stretches.note(number, kept.column(number));
  return { ...stretches.index(ids.length), ids: kept };
}

const name = (number: number): string => `id-${String(number).padStart(5, '0')}`;
const names = (count: number): string[] => Array.from({ length: count }, (_value, at) => name(at));
const STRANGERS = ['', 'id-', 'id-0', 'id-00000x', 'id-99999', 'zz', '\u00efd-00001', 'id-0000\u0130'];

/** `count` ids dealt out to so many stretches, each of which ascends. */
function dealt(count: number, stretches: number): string[] {
  const ids = names(count);
  return Array.from({ length: stretches }, (_value, at) =>
    ids.filter((_id, index) => index % stretches === at),
  ).flat();
}

describe('ids of records', () => {
  it.each([
    ['that ascend', names(3_000), SortedIds],
    ['of two stretches', dealt(3_000, 2), SortedIds],
    ['of sixteen stretches', dealt(3_000, 16), SortedIds],
    ['of seventeen stretches', dealt(3_000, 17), HashedIds],
    ['that descend', names(300).reverse(), HashedIds],
    ['of different lengths', ['a', 'ab', 'abc', 'b', 'ba', 'a0'], SortedIds],
    ['of which there is one', ['a'], SortedIds],
  ] as const)('%s are found, and no other', (_what, ids, kind) => {
    const { index, isUnique } = indexed(ids);
    expect(index).toBeInstanceOf(kind);
    expect(isUnique).toBe(true);
    expect(ids.map((id) => index.numberOf(id))).toEqual([...ids.keys()]);
    expect(STRANGERS.map((id) => index.numberOf(id))).toEqual(STRANGERS.map(() => -1));
  });

  it.each([
    ['next to each other', ['a', 'b', 'b', 'c']],
    ['in two stretches', ['a', 'c', 'e', 'b', 'c', 'd']],
    ['in the first and the last of many', [...dealt(400, 16), name(0)]],
    ['among those that are hashed', [...names(300).reverse(), name(7)]],
  ])('are noticed when one is there twice: %s', (_what, ids) => {
    expect(indexed(ids).isUnique).toBe(false);
  });

  it('are none when there is none', () => {
    expect([indexed([]).index.numberOf('a'), indexed([]).isUnique]).toEqual([-1, true]);
  });

  it.each([1, 3, 20])('are found whatever was let go of around them: %i stretches', (stretches) => {
    const random = new Random(stretches);
    for (let round = 0; round < 40; round++) {
      const all = dealt(200, stretches);
      const { index, ids } = indexed(all);
      const gone = new Set<number>();
      // From the front, as a start takes them; then any; then whole pieces, as buffers are let go of.
      for (let number = 0; number < random.below(150); number++) gone.add(number);
      for (let more = random.below(60); more > 0; more--) gone.add(random.below(200));
      const from = random.below(200);
      for (let number = from; number < Math.min(200, from + random.below(60)); number++) gone.add(number);
      for (const number of gone) ids.drop(number);
      const found = [...all, ...STRANGERS].map((id) => index.numberOf(id));
      expect(found).toEqual([
        ...all.map((_id, number) => (gone.has(number) ? -1 : number)),
        ...STRANGERS.map(() => -1),
      ]);
    }
  });

  it('that have none when the index is made are left out of it', () => {
    for (const stretches of [1, 2, 20]) {
      const all = dealt(100, stretches);
      const kept = new Ids(all);
      const noted = new IdStretches(kept.locate);
      for (const number of all.keys()) noted.note(number, kept.column(number));
      for (const number of [0, 3, 50, 99]) kept.drop(number);
      const { index, isUnique } = noted.index(100);
      expect(isUnique).toBe(true);
      for (const [number, id] of all.entries())
        expect(index.numberOf(id)).toBe([0, 3, 50, 99].includes(number) ? -1 : number);
    }
  });
});

describe('two ids', () => {
  const placed = (id: string, from: number): IdBytes => {
    const bytes = Buffer.from(`${'#'.repeat(from)}${id}#`, 'latin1');
    return { bytes: viewOf(bytes), from, length: id.length };
  };

  it('have the order of their texts, whatever their lengths, and wherever they differ and lie', () => {
    const random = new Random(5);
    let [before, same, behind] = [0, 0, 0];
    for (let round = 0; round < 20_000; round++) {
      const id = Array.from({ length: random.below(14) }, () => random.pick(['a', 'b', '\0', '\x7f'])).join(
        '',
      );
      const at = random.below(id.length + 1);
      const changed = `${id.slice(0, at)}${random.pick(['', 'a', '\x7f', '\0b']) ?? ''}`;
      const other = random.chance(0.4) ? `${changed}${id.slice(changed.length)}` : changed;
      const order = Math.sign(compareIds(placed(id, random.below(9)), placed(other, random.below(9))));
      expect(order).toBe(id === other ? 0 : id < other ? -1 : 1);
      if (order === 0) same++;
      else if (order < 0) before++;
      else behind++;
    }
    expect(Math.min(before, same, behind)).toBeGreaterThan(1_000);
  });
});

/** Pairs of ids whose hashes are equal. */
const ALIKE = [
  ['x3rnw', 'xkpba'],
  ['x3rnt', 'xkpbb'],
  ['x3rnu', 'xkpbc'],
] as const;

/** FNV-1a, folded. */
function hashOf(id: string): number {
  const hash = [...Buffer.from(id)].reduce((sum, byte) => Math.imul(sum ^ byte, 0x01000193), 0x811c9dc5);
  return hash ^ (hash >>> 15);
}

describe('a table of hashes', () => {
  it('tells ids apart that have the same one', () => {
    // These two have the same hash, and so have the two behind them.
    const alike = ALIKE.flat();
    for (const [one, other] of ALIKE) expect(hashOf(one)).toBe(hashOf(other));
    const { index } = indexed([...alike].sort().reverse());
    for (const id of alike) expect(index.numberOf(id)).toBeGreaterThanOrEqual(0);
    const table = new HashedIds(alike.length, new Ids(alike).locate);
    for (const number of alike.keys()) expect(table.add(number)).toBe(true);
    for (const [number, id] of alike.entries()) {
      expect(table.add(number)).toBe(false);
      expect(table.numberOf(id)).toBe(number);
    }
    expect(new HashedIds(0, () => undefined).numberOf('a')).toBe(-1);
  });
});
