// What a capture shows, without the moments at which whoever reads it may rest.

/** The records of a capture. */
export function* shown<R>(records: Iterable<R | undefined>): IterableIterator<R> {
  for (const record of records) if (record !== undefined) yield record;
}
