// A path as it is on disk: bytes. Nearly all of them are UTF-8 text; of the others the bytes are kept beside it, since
// text cannot say them.
import { isUtf8 } from 'node:buffer';

/** A path that can be shown, and opened. */
export interface FilePath {
  /** As text, with U+FFFD in place of what is no UTF-8. */
  readonly path: string;
  /** The bytes, when the text does not say them. */
  readonly pathBase64?: string;
}

/** A path from its bytes. */
export function filePathOf(bytes: Buffer): FilePath {
  const path = bytes.toString();
  return isUtf8(bytes) ? { path } : { path, pathBase64: bytes.toString('base64') };
}

/** What the functions of `node:fs` take. */
export function openable({ path, pathBase64 }: FilePath): string | Buffer {
  return pathBase64 === undefined ? path : Buffer.from(pathBase64, 'base64');
}

/** Text for a terminal: a name may hold line ends and worse. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
