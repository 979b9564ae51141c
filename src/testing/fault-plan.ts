// Which operations of the simulated disk fail, are done in part, or are the last before the power goes.

/** Operations that can be counted, failed and stopped at. */
export const STORAGE_OPERATIONS = [
  'open',
  'read',
  'write',
  'truncate',
  'datasync',
  'stat',
  'close',
  'mkdir',
  'rename',
  'unlink',
  'readdir',
  'syncDir',
  'lock',
] as const;

/** An operation of the storage port. */
export type StorageOperation = (typeof STORAGE_OPERATIONS)[number];

/**
 * What happens to an operation. `fail`: it is refused with the errno. `halt`: it and everything after it never answers,
 * as when the power goes. `writtenBytes` of a write are done all the same.
 */
export type Fault =
  | { readonly kind: 'fail'; readonly errno: string; readonly writtenBytes?: number }
  | { readonly kind: 'halt'; readonly when: 'before' | 'after'; readonly writtenBytes?: number };

/** Looks at each operation before it is done. `index` counts all of them from 0. */
export type FaultPlan = (operation: StorageOperation, path: string, index: number) => Fault | undefined;

/** An error as the operating system gives it. */
export class SimulatedErrno extends Error {
  constructor(
    readonly code: string,
    path: string,
  ) {
    super(`${code}: simulated, ${path}`);
  }
}
