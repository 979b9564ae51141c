// The codec gives back what it was given, for every event of the union, and its bytes are MessagePack.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { unpack } from 'msgpackr';
import { EVENT_TYPES, type Commit, type PawlEvent } from '../../src/domain/events.js';
import {
  DEFAULT_CONSTRAINTS,
  DEFAULT_METADATA,
  DEFAULT_MISFIRE,
  DEFAULT_POLICY,
  NONE,
} from '../../src/domain/task.js';
import { DecodeError } from '../../src/journal/byte-reader.js';
import { CommitDecoder, encodeCommit, type CommitBody } from '../../src/journal/commit-codec.js';
import { RecordWriter } from '../../src/journal/record-writer.js';
import { events, eventsOf, headers } from './arbitraries.js';

const out = new RecordWriter(64);
const decoder = new CommitDecoder();

function encode(commit: CommitBody): Buffer {
  out.position = 0;
  encodeCommit(commit, out);
  return Buffer.from(out.written());
}

function decode(bytes: Buffer, count: number, firstSequence = 1): Commit {
  return decoder.decode({ bytes, from: 0, end: bytes.length, firstSequence, count });
}

/** True when it cannot be decoded; any other error goes on. */
function isRefused(bytes: Buffer, count: number): boolean {
  try {
    decode(bytes, count);
    return false;
  } catch (error) {
    if (error instanceof DecodeError) return true;
    throw error;
  }
}

function stamped(list: readonly PawlEvent[], at: number, first: number): PawlEvent[] {
  return list.map((event, index) => ({ ...event, sequence: first + index, at }));
}

describe('the commit codec', () => {
  it.each(EVENT_TYPES)('gives back %s with every field set and unset', (type) => {
    fc.assert(
      fc.property(eventsOf(type), headers, (event, header) => {
        const commit = decode(encode({ header, events: [event] }), 1, 7);
        expect(commit.header).toEqual(header);
        expect(commit.events).toEqual(stamped([event], header.at, 7));
      }),
      { numRuns: 60 },
    );
  });

  it('gives back commits of many events, ids repeated among them', () => {
    fc.assert(
      fc.property(fc.array(events, { minLength: 1, maxLength: 60 }), headers, (list, header) => {
        const commit = decode(encode({ header, events: list }), list.length, 100);
        expect(commit.events).toEqual(stamped(list, header.at, 100));
      }),
      { numRuns: 100 },
    );
  });

  it('writes bytes that any MessagePack library reads, the header first', () => {
    fc.assert(
      fc.property(fc.array(events, { minLength: 1, maxLength: 8 }), headers, (list, header) => {
        const value: unknown = unpack(encode({ header, events: list }));
        if (!Array.isArray(value)) throw new Error('not an array');
        expect(value).toHaveLength(list.length + 1);
        for (const [index, event] of list.entries()) {
          const record = value[index + 1] as unknown[];
          expect(record[0]).toBe(EVENT_TYPES.indexOf(event.type));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('encodes the same commit to the same bytes, whatever was encoded before', () => {
    fc.assert(
      fc.property(
        fc.array(events, { minLength: 1, maxLength: 20 }),
        fc.array(events, { maxLength: 5 }),
        headers,
        (list, other, header) => {
          const first = encode({ header, events: list });
          encode({ header: { at: 3 }, events: other });
          expect(encode({ header, events: list }).equals(first)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('writes an id once in a commit and its number from then on', () => {
    const id = '01890000-0000-7000-8000-000000000001';
    const run = (to: 'ready' | 'leased'): PawlEvent => ({
      type: 'RunStateChanged',
      sequence: 0,
      at: 0,
      runId: id,
      from: 'scheduled',
      to,
    });
    const bytes = encode({ header: { at: 5 }, events: [run('ready'), run('leased')] });
    expect(unpack(bytes)).toEqual([5, [11, id, 0, 1, null, null], [11, 0, 0, 2, null, null]]);
  });

  it('keeps the numbers right when a commit has hundreds of ids', () => {
    const ids = Array.from({ length: 400 }, (_, index) => `run-${String(index % 300)}`);
    const commit = decode(
      encode({ header: { at: 5 }, events: [{ type: 'RunsPruned', sequence: 0, at: 0, runIds: ids }] }),
      1,
    );
    expect(commit.events[0]).toEqual({ type: 'RunsPruned', sequence: 1, at: 5, runIds: ids });
  });

  it('gives the shared objects for what equals the defaults', () => {
    const spec = {
      id: 't',
      type: 'x',
      policy: {
        kind: 'repeat' as const,
        count: 2,
        intervalMs: 5,
        misfire: { kind: 'catchUp' as const },
        overlap: 'allow' as const,
      },
      constraints: { ...DEFAULT_CONSTRAINTS, backoff: { ...DEFAULT_CONSTRAINTS.backoff } },
      metadata: { tags: [], priority: 0 },
      dependsOn: [],
      budgets: [],
    };
    const event = decode(
      encode({ header: { at: 1 }, events: [{ type: 'TaskCreated', sequence: 0, at: 0, spec }] }),
      1,
    ).events[0];
    if (event?.type !== 'TaskCreated') throw new Error('another type');
    expect(event.spec.constraints).toBe(DEFAULT_CONSTRAINTS);
    expect(event.spec.metadata).toBe(DEFAULT_METADATA);
    expect(event.spec.dependsOn).toBe(NONE);
    expect(event.spec.policy.misfire).toBe(DEFAULT_MISFIRE);
    const once = { ...spec, policy: { kind: 'once' as const } };
    const plain = decode(
      encode({ header: { at: 1 }, events: [{ type: 'TaskCreated', sequence: 0, at: 0, spec: once }] }),
      1,
    ).events[0];
    if (plain?.type !== 'TaskCreated') throw new Error('another type');
    expect(plain.spec.policy).toBe(DEFAULT_POLICY);
  });

  it('takes missing fields as too few, steps over fields it does not know', () => {
    const known = encode({
      header: { at: 5 },
      events: [{ type: 'ActorHeartbeat', sequence: 0, at: 0, actorId: 'a' }],
    });
    expect(known.toString('hex')).toBe('9205' + '9226a161');
    const longer = Buffer.from('9205' + '9426a161' + '81a16bc0' + '93cb3ff0000000000000c0d90161', 'hex');
    expect(decode(longer, 1).events).toEqual([{ type: 'ActorHeartbeat', sequence: 1, at: 5, actorId: 'a' }]);
    expect(() => decode(Buffer.from('9205' + '9126', 'hex'), 1)).toThrow(DecodeError);
  });

  it('refuses bytes that are not a commit and never anything but a DecodeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.nat(20), (noise, count) => {
        try {
          decode(Buffer.from(noise), count);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses every cut and every extension of a commit', () => {
    fc.assert(
      fc.property(fc.array(events, { minLength: 1, maxLength: 3 }), headers, (list, header) => {
        const bytes = encode({ header, events: list });
        const taken: number[] = [];
        for (let end = 0; end < bytes.length; end++) {
          if (!isRefused(bytes.subarray(0, end), list.length)) taken.push(end);
        }
        expect(taken).toEqual([]);
        expect(isRefused(bytes, list.length)).toBe(false);
        expect(isRefused(Buffer.concat([bytes, Buffer.from([0])]), list.length)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it.each<[string, object]>([
    ['an unknown type', { type: 'Unknown' }],
    ['a missing field', { type: 'ActorHeartbeat' }],
    ['a fraction', { type: 'RunPriorityChanged', runId: 'a', priority: 1.5 }],
    ['a negative amount', { type: 'BudgetConsumed', taskId: 'a', dimension: 'token', amount: -1 }],
    ['a state that does not exist', { type: 'RunStateChanged', runId: 'a', from: 'ready', to: 'gone' }],
    ['a lone surrogate', { type: 'TenantCreated', tenantId: 'a', name: '\ud800' }],
    [
      'a number beyond the safe ones',
      { type: 'BudgetAllocated', taskId: 'a', dimension: 'x', limit: 2 ** 53 },
    ],
  ])('refuses %s with INVALID_INPUT and leaves the buffer as it was', (_what, event) => {
    out.position = 11;
    const broken = { sequence: 0, at: 0, ...event } as PawlEvent;
    expect(() => {
      encodeCommit({ header: { at: 1 }, events: [broken] }, out);
    }).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    expect(out.position).toBe(11);
  });
});
