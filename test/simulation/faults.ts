// What the disk of a history does beside working: the operations that fail, the disk that is full for a while, and
// the operation at which the power goes.
import type { Fault, StorageOperation } from '../../src/testing/fault-plan.js';
import type { FaultyStorage } from '../../src/testing/faulty-storage.js';
import type { Halt, Operation } from './operations.js';

/** Bytes of a write that can be told apart when it is torn. */
const TORN_BYTES = 1_024;

type Failing = Extract<Operation, { readonly kind: 'fail' }>;

/** The faults that are armed. */
export class Faults {
  /** Faults that were met, by what they were. */
  readonly met = new Map<string, number>();
  /** Operations that were begun, in order. */
  readonly done: StorageOperation[] = [];
  /** Faults that the present process met. */
  metInLife = 0;
  #failing: { readonly fault: Failing; left: number }[] = [];
  #full = 0;
  #halt: { readonly halt: Halt; left: number } | undefined;

  constructor(readonly storage: FaultyStorage) {}

  /** To be called when a process begins: a crash makes the disk forget its plan. */
  arm(): void {
    this.metInLife = 0;
    this.storage.setFaults((operation, path) => this.#faultOf(operation, path));
  }

  /** An operation will fail. */
  fail(fault: Failing): void {
    this.#failing.push({ fault, left: fault.nth });
  }

  /** So many operations find the disk full. */
  fill(operations: number): void {
    this.#full = operations;
  }

  /** An operation will be the last one of the process; `undefined`: none. */
  halt(halt: Halt | undefined): void {
    this.#halt = halt === undefined ? undefined : { halt, left: halt.after };
  }

  /** Nothing bad happens from now on. */
  clear(): void {
    this.#failing = [];
    this.#full = 0;
    this.#halt = undefined;
  }

  #faultOf(operation: StorageOperation, path: string): Fault | undefined {
    this.done.push(operation);
    const halt = this.#halt;
    if (halt !== undefined && halt.left-- === 0) return this.#stop(halt.halt, operation);
    for (const failing of this.#failing) {
      const { fault } = failing;
      if (fault.operation !== operation || --failing.left > 0) continue;
      this.#failing = this.#failing.filter((other) => other !== failing);
      return this.#meet(`${operation} ${fault.errno}`, {
        kind: 'fail',
        errno: fault.errno,
        writtenBytes: Math.floor(fault.share * TORN_BYTES),
      });
    }
    if (this.#full === 0 || !needsRoom(operation, path)) return undefined;
    this.#full--;
    return this.#meet('disk full', { kind: 'fail', errno: 'ENOSPC', writtenBytes: this.#full % 700 });
  }

  #stop({ when, share }: Halt, operation: StorageOperation): Fault {
    this.#halt = undefined;
    const torn = when === 'torn' && operation === 'write';
    const what = when === 'after' ? 'after' : torn ? 'torn' : 'before';
    return this.#meet(`stopped ${what} ${operation}`, {
      kind: 'halt',
      when: what === 'after' ? 'after' : 'before',
      writtenBytes: torn ? Math.floor(share * TORN_BYTES) : 0,
    });
  }

  #meet(name: string, fault: Fault): Fault {
    this.met.set(name, (this.met.get(name) ?? 0) + 1);
    this.metInLife++;
    return fault;
  }
}

function needsRoom(operation: StorageOperation, path: string): boolean {
  return operation === 'write' && !path.endsWith('/lock');
}
