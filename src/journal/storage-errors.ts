// What an errno means to Pawl: full, read-only, or broken. Every message has the path and the next step.
import { PawlError, isPawlError, type ErrorCode } from '../errors.js';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const OUT_OF_FILES = new Set(['EMFILE', 'ENFILE']);
const READ_ONLY = new Set(['EROFS', 'EACCES', 'EPERM']);

/** The errno name of an error of the storage, or an empty text. */
export function errnoOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** True when the storage takes no writes at all. */
export function isReadOnly(error: unknown): boolean {
  return READ_ONLY.has(errnoOf(error));
}

/** True when no file could be opened, so that nothing was tried. */
export function isOutOfFiles(error: unknown): boolean {
  return OUT_OF_FILES.has(errnoOf(error));
}

/** A typed error for a failed operation; a Pawl error passes as it is. */
export function storageFailure(error: unknown, action: string, path: string): PawlError {
  if (isPawlError(error)) return error;
  const errno = errnoOf(error);
  const [code, advice] = verdict(errno);
  return new PawlError(
    code,
    `Could not ${action} ${path} (${errno === '' ? String(error) : errno}); ${advice}.`,
    { path, action, errno },
    error,
  );
}

function verdict(errno: string): readonly [ErrorCode, string] {
  if (FULL.has(errno))
    return ['STORAGE_FULL', 'free some space and try again; nothing acknowledged was lost'];
  if (READ_ONLY.has(errno))
    return ['READ_ONLY_STORAGE', 'make it writable for this user, or open with readOnly'];
  return ['STORAGE_FAILED', 'check the disk and the path, and try again'];
}

/** Runs one operation and names it when it fails. */
export async function guarded<T>(action: string, path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw storageFailure(error, action, path);
  }
}
