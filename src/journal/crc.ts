// CRC-32 (IEEE 802.3) of a range: a plain loop for the shortest, the `crc-32` package for short ones, zlib's for long
// ones, where it is three times faster. All give the same numbers.
import crcTable from 'crc-32';
import { crc32 as zlibCrc32 } from 'node:zlib';

/** Bytes up to which a loop costs no more than a view of the range, which is garbage then: those of a frame's header. */
const SHORT_BYTES = 40;
/** Bytes from which the call into zlib pays. */
const LONG_BYTES = 512;
/** What each byte makes of a CRC of zero. */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => ~crcTable.buf([byte], -1));

/** The CRC of `bytes[from, end)` as an unsigned 32-bit integer; `seed` continues an earlier one. */
export function crc32(bytes: Buffer, from: number, end: number, seed = 0): number {
  const length = end - from;
  if (length <= SHORT_BYTES) return shortCrc(bytes, from, end, seed);
  const range = bytes.subarray(from, end);
  return (length < LONG_BYTES ? crcTable.buf(range, seed) : zlibCrc32(range, seed)) >>> 0;
}

function shortCrc(bytes: Buffer, from: number, end: number, seed: number): number {
  let crc = ~seed;
  for (let at = from; at < end; at++)
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
