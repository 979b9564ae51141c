// The table of rows: what a capture of it shows is what was there, whatever is added, changed, removed or begun anew
// meanwhile, and in the order in which the rows are linked.
import { describe, expect, it } from '@jest/globals';
import { RowTable } from '../../src/projections/row-table.js';
import { Random } from '../support/random.js';
import { shown } from '../support/shown.js';

interface Row {
  readonly id: string;
  capturedIn: number;
  value: number;
}

/** Rows linked in the order of a list. */
class Linked {
  readonly order: Row[] = [];
  readonly table = new RowTable<Row, string>((row) => `${row.id}=${String(row.value)}`, {
    first: () => this.order[0],
    next: (row) => {
      this.looks++;
      return this.order[this.order.indexOf(row) + 1];
    },
  });
  /** How often a row was asked for the next. */
  looks = 0;

  add(id: string): void {
    const row: Row = { id, capturedIn: 0, value: 0 };
    this.table.add(row);
    this.order.push(row);
  }

  change(row: Row): void {
    this.table.willChange(row);
    row.value++;
  }

  remove(row: Row): void {
    this.table.willChange(row);
    this.order.splice(this.order.indexOf(row), 1);
    this.table.delete(row.id);
  }
}

function filled(count: number): Linked {
  const rows = new Linked();
  for (let index = 0; index < count; index++) rows.add(`row-${String(index)}`);
  return rows;
}

describe('a table of rows', () => {
  it('gives rows by id, and records in the order of the links', () => {
    const rows = filled(3);
    expect(rows.table.get('row-1')).toBe(rows.order[1]);
    expect([...rows.table.records()]).toEqual(['row-0=0', 'row-1=0', 'row-2=0']);
    expect([...rows.table.capture().records()]).toEqual(['row-0=0', 'row-1=0', 'row-2=0']);
  });

  it.each(Array.from({ length: 20 }, (_value, index) => index))('is captured as it was, seed %i', (seed) => {
    const random = new Random(seed);
    const rows = filled(60);
    let made = 0;
    for (let round = 0; round < 4; round++) {
      const before = [...rows.table.records()].sort();
      const capture = rows.table.capture();
      const read: string[] = [];
      for (const record of shown(capture.records())) {
        read.push(record);
        for (let step = random.below(4); step > 0; step--) {
          const row = random.pick(rows.order);
          if (row === undefined || random.chance(0.3)) rows.add(`new-${String(made++)}`);
          else if (random.chance(0.5)) rows.change(row);
          else rows.remove(row);
        }
      }
      expect(read.sort()).toEqual(before);
      expect(capture.count).toBe(before.length);
      capture.release();
    }
  });

  it('saves a row once, before its first change, and none that was read or came later', () => {
    const rows = filled(10);
    const capture = rows.table.capture();
    const records = capture.records()[Symbol.iterator]();
    expect(records.next().value).toBe('row-0=0');
    for (const row of [...rows.order].slice(0, 3)) {
      rows.change(row);
      rows.change(row);
    }
    rows.add('new');
    for (const row of rows.order.slice(-1)) rows.change(row);
    expect(capture.savedRecords).toBe(2);
    expect([...capture.records()]).toHaveLength(9);
    for (const row of rows.order) rows.change(row);
    expect(capture.savedRecords).toBe(2);
  });

  it('passes no more than so many rows at once that it need not show', () => {
    const rows = filled(3);
    const capture = rows.table.capture();
    for (const row of rows.order.slice(0, 2)) rows.change(row);
    for (let index = 0; index < 1_200; index++) rows.add(`new-${String(index)}`);
    const passed: number[] = [];
    const steps: (string | undefined)[] = [];
    let before = rows.looks;
    for (const step of capture.records()) {
      steps.push(step);
      passed.push(rows.looks - before);
      before = rows.looks;
    }
    expect(steps).toEqual(['row-1=0', 'row-0=0', 'row-2=0', undefined, undefined]);
    expect(passed.map((count) => count <= 512)).toEqual(passed.map(() => true));
    expect(passed.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(1_000);
  });

  it('that is captured again shows nothing more of the first capture', () => {
    const rows = filled(5);
    const first = rows.table.capture();
    const second = rows.table.capture();
    for (const row of rows.order) rows.change(row);
    expect(first.savedRecords).toBe(0);
    expect([...first.records()]).toEqual([]);
    expect([...second.records()].sort()).toEqual([0, 1, 2, 3, 4].map((index) => `row-${String(index)}=0`));
    second.release();
    for (const row of rows.order) rows.change(row);
    expect(second.savedRecords).toBe(5);
  });

  it('gives the records of a capture as drafts, and keeps what changes as records of their own', () => {
    const order: Row[] = [];
    const draft = { text: '' };
    const textOf = ({ id, value }: Row): string => `${id}=${String(value)}`;
    const table = new RowTable<Row, { text: string }>(
      (row) => ({ text: textOf(row) }),
      { first: () => order[0], next: (row) => order[order.indexOf(row) + 1] },
      () => (row) => Object.assign(draft, { text: textOf(row) }),
    );
    for (const id of ['a', 'b', 'c', 'd']) {
      const row = { id, capturedIn: 0, value: 0 };
      table.add(row);
      order.push(row);
    }
    const capture = table.capture();
    for (const row of order.slice(1, 3)) {
      table.willChange(row);
      row.value++;
    }
    const records: object[] = [];
    const texts: string[] = [];
    for (const record of shown(capture.records())) {
      records.push(record);
      texts.push(record.text);
    }
    expect(texts.sort()).toEqual(['a=0', 'b=0', 'c=0', 'd=0']);
    expect(records.filter((record) => record === draft)).toHaveLength(2);
    expect(new Set(records).size).toBe(3);
    // What is read at once, and not through a capture, may be kept.
    expect(Array.from(table.records(), ({ text }) => text)).toEqual(['a=0', 'b=1', 'c=1', 'd=0']);
    expect([...table.records()]).not.toContain(draft);
  });
});
