// A digest of a command's arguments: equal for equal arguments, whatever the order of their keys. It tells a
// repeated `commandId` from one that was used for something else.
import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/payload.js';

/** 32 hexadecimal digits over the arguments as they were passed; payloads are passed encoded. */
export function argumentDigest(args: unknown): string {
  return createHash('sha256').update(canonicalJson(args)).digest('hex').slice(0, 32);
}
