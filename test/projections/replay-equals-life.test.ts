// Random legal histories of all kinds of events: the state that comes of them is the same however it came to be.
import { describe, expect, it } from '@jest/globals';
import { EVENT_TYPES } from '../../src/domain/events.js';
import type { SectionName, SectionRecords } from '../../src/domain/snapshot-records.js';
import { RUN_STATES } from '../../src/domain/run-state.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import { SECTION_CODECS } from '../../src/journal/snapshot-codec.js';
import { validTransitions } from '../../src/machines/transition-table.js';
import { Projections } from '../../src/projections/projections.js';
import { historyMaker, legalHistory } from '../support/history.js';
import { derivedState, loadSections, saveSections } from '../support/projection-states.js';
import { Random } from '../support/random.js';
import { shown } from '../support/shown.js';

const SEEDS = Array.from({ length: 12 }, (_value, index) => index + 1);

describe('random legal histories', () => {
  it('hold every type of event and every legal change of state', () => {
    const types = new Set<string>();
    const edges = new Set<string>();
    for (const seed of SEEDS) {
      for (const commit of legalHistory(seed, 600)) {
        for (const one of commit.events) {
          types.add(one.type);
          if (one.type === 'RunStateChanged') edges.add(`${one.from} ${one.to}`);
        }
      }
    }
    expect([...types].sort()).toEqual([...EVENT_TYPES].sort());
    expect([...edges].sort()).toEqual(legalEdges());
  });

  it('are the same for the same seed', () => {
    expect(legalHistory(7, 60)).toEqual(legalHistory(7, 60));
    expect(legalHistory(7, 60)).not.toEqual(legalHistory(8, 60));
  });
});

describe('a replay', () => {
  it.each(SEEDS)('from the start gives the live state, seed %i', (seed) => {
    const maker = historyMaker(seed);
    const commits = Array.from({ length: 300 }, () => maker.next());
    const replayed = new Projections();
    for (const commit of commits) replayed.apply(commit);
    expect(replayed.stateHash()).toBe(maker.state.stateHash());
    expect(derivedState(replayed)).toEqual(derivedState(maker.state));
  });
});

describe('a state that was saved and loaded', () => {
  it.each(SEEDS.slice(0, 6))('equals the live one at every commit boundary, seed %i', (seed) => {
    const maker = historyMaker(seed);
    const random = new Random(seed);
    for (let boundary = 0; boundary < 100; boundary++) {
      maker.next();
      const { state } = maker;
      const header = { sequence: state.sequence, takenAt: state.lastAt };
      const loaded = loadSections(saveSections(state), header, random);
      expect(loaded.stateHash()).toBe(state.stateHash());
      expect(derivedState(loaded)).toEqual(derivedState(state));
    }
  });

  it.each(SEEDS)('goes on like the live one with the tail, seed %i', (seed) => {
    const commits = legalHistory(seed, 240);
    const whole = new Projections();
    for (const commit of commits) whole.apply(commit);
    for (const cut of [1, 40, 120, 200, 239]) {
      const before = new Projections();
      for (const commit of commits.slice(0, cut)) before.apply(commit);
      const loaded = loadSections(
        saveSections(before),
        { sequence: before.sequence, takenAt: 0 },
        new Random(cut),
      );
      for (const commit of commits.slice(cut)) loaded.apply(commit);
      expect(loaded.stateHash()).toBe(whole.stateHash());
      expect(derivedState(loaded)).toEqual(derivedState(whole));
    }
  });

  it('gives the same records when it is saved again', () => {
    const { state } = run(historyMaker(3), 200);
    const saved = saveSections(state);
    const again = saveSections(loadSections(saved, { sequence: state.sequence, takenAt: 0 }));
    expect(sorted(again)).toEqual(sorted(saved));
  });
});

describe('a capture', () => {
  it.each(SEEDS)('shows the state of its boundary while commits are applied, seed %i', (seed) => {
    const maker = historyMaker(seed);
    const random = new Random(seed);
    for (let round = 0; round < 6; round++) {
      run(maker, 25);
      const { state } = maker;
      const hash = state.stateHash();
      const capture = state.capture();
      const read = capture.sections.map((section) => {
        const records: object[] = [];
        for (const record of shown(section.records())) {
          records.push(structuredClone(record));
          if (random.chance(0.2)) maker.next();
        }
        expect(records).toHaveLength(section.count);
        return { name: section.name, records };
      });
      capture.release();
      expect(loadSections(read, { sequence: capture.sequence, takenAt: capture.lastAt }).stateHash()).toBe(
        hash,
      );
    }
  });

  it.each(SEEDS)('writes the bytes of the records that are read at once, seed %i', (seed) => {
    const { state } = run(historyMaker(seed), 400);
    const capture = state.capture();
    for (const [index, { name, ...section }] of capture.sections.entries()) {
      const now = Array.from(state.sections[index]?.records() ?? [], (record) => bytesOf(name, record));
      expect(Array.from(shown(section.records()), (record) => bytesOf(name, record))).toEqual(now);
    }
    capture.release();
  });

  it('has one object for all tasks that did not change, and one for all runs', () => {
    const { state } = run(historyMaker(3), 400);
    const capture = state.capture();
    for (const { name, count, ...section } of capture.sections) {
      if (name !== 'tasks' && name !== 'runs') continue;
      expect(count).toBeGreaterThan(10);
      expect(new Set(section.records()).size).toBe(1);
    }
    capture.release();
  });

  it('is one at a time, and can be taken again after its release', () => {
    const { state } = run(historyMaker(1), 20);
    const capture = state.capture();
    expect(() => state.capture()).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    capture.release();
    capture.release();
    state.capture().release();
  });

  it('saves nothing for records that were read already or never change', () => {
    const maker = run(historyMaker(2), 100);
    const capture = maker.state.capture();
    for (const section of capture.sections) expect([...section.records()]).toHaveLength(section.count);
    run(maker, 50);
    expect(capture.savedRecords).toBe(0);
    capture.release();
    const late = maker.state.capture();
    run(maker, 50);
    expect(late.savedRecords).toBeGreaterThan(0);
    late.release();
  });
});

function run(maker: ReturnType<typeof historyMaker>, commits: number): ReturnType<typeof historyMaker> {
  for (let made = 0; made < commits; made++) maker.next();
  return maker;
}

function sorted(saved: ReturnType<typeof saveSections>): unknown {
  return saved.map(({ name, records }) => [name, records.map((record) => JSON.stringify(record)).sort()]);
}

function legalEdges(): string[] {
  return RUN_STATES.flatMap((from) => validTransitions(from).map((to) => `${from} ${to}`)).sort();
}

/** A record as a snapshot writes it. */
function bytesOf<N extends SectionName>(section: N, record: SectionRecords[N]): string {
  const out = new RecordWriter();
  SECTION_CODECS[section].write(out, record);
  return out.written().toString('hex');
}
