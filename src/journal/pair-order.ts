// Notes, as pairs go by, in which orders they are written: those of one kind most often are in all of them, and then
// nobody has to look at each once more.
import { PAIR_FIELDS } from '../domain/packed-pairs.js';

const { createdSequence, stateSequence, priority, scheduledAt, createdAt } = PAIR_FIELDS;

/** The orders that pairs keep. */
export class PairOrder {
  ascends = true;
  queues = true;
  /** The numbers of the pair before. Every first pair comes behind these, whose sequence is not 0. */
  readonly #last = Float64Array.of(0, 0, Infinity, -Infinity, -Infinity);

  /** Notes a pair whose numbers are `numbers[first, …)`, by `PAIR_FIELDS`. */
  note(numbers: Float64Array, first: number): void {
    const last = this.#last;
    for (let field = 0; field < last.length; field++)
      last[field] = (numbers[first + field] as number) - (last[field] as number);
    if (!((last[createdSequence] as number) > 0 && (last[stateSequence] as number) > 0)) this.ascends = false;
    // Higher priorities go first.
    const [byPriority, byTime] = [-(last[priority] as number), last[scheduledAt] as number];
    const later = byPriority || byTime || (last[createdAt] as number);
    if (later < 0) this.queues = false;
    for (let field = 0; field < last.length; field++) last[field] = numbers[first + field] as number;
  }
}
