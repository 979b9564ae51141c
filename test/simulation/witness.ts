// Sees everything that leaves the engine and compares it with the platter and with the reference: whatever becomes
// visible must be durable by then, what recovery finds must be all that was visible and at most the batch that was
// being written, and the state must be what the facts fold to.
import type { Commit } from '../../src/domain/events.js';
import { DEFAULT_LIMITS } from '../../src/domain/limits.js';
import type { EngineRuntime } from '../../src/engine-runtime.js';
import { CommitDecoder } from '../../src/journal/commit-codec.js';
import type { EncodedBatch } from '../../src/journal/journal-backend.js';
import type { RetentionPolicy } from '../../src/journal/retention.js';
import { FileBackend } from '../../src/journal/file-backend.js';
import { GatheringBatch } from '../../src/journal/gathering-batch.js';
import { isPawlError } from '../../src/errors.js';
import { Projections } from '../../src/projections/projections.js';
import type { Storage } from '../../src/journal/storage.js';
import { stateHash } from '../../src/projections/state-hash.js';
import type { Random } from '../support/random.js';
import type { DurableFrame, DurableLog } from './durable-log.js';
import type { Model } from './model.js';
import { demand, known } from './violation.js';

/** How often the state is compared by its hash: at a commit boundary, and after a recovery. */
const HASH_AT_COMMIT = 0.01;
const HASH_AFTER_RECOVERY = 0.35;

/** Files, with a note of the batch that was handed over last and whose fate is open. */
export class WitnessedBackend extends FileBackend {
  constructor(
    storage: Storage,
    root: string,
    private readonly note: (asked: readonly Commit[]) => void,
  ) {
    super(storage, root);
  }

  override async append(batch: EncodedBatch): Promise<void> {
    this.note(batch instanceof GatheringBatch ? [...batch.commits] : []);
    try {
      await super.append(batch);
    } catch (error) {
      // Any other refusal says that nothing of the batch is in the log.
      if (!isPawlError(error, 'JOURNAL_POISONED')) this.note([]);
      throw error;
    }
  }
}

/** Makes the backend of a process; `note` is to be told of each batch. */
export type BackendMaker = new (
  storage: Storage,
  root: string,
  note: (asked: readonly Commit[]) => void,
) => FileBackend;

/** Watches the lives of one directory. */
export class Witness {
  /** Commits found by recovery that nobody had seen before. */
  indeterminate = 0;
  /** How often the log was found to begin later than before. */
  letGo = 0;
  #begin = 1;
  readonly #frames = new Map<number, DurableFrame>();
  readonly #decoder = new CommitDecoder();
  readonly #shadow = new Projections({ limits: DEFAULT_LIMITS });
  #asked: readonly Commit[] = [];
  /** Told of every task that a fact creates. */
  onTask: (taskId: string) => void = () => undefined;

  constructor(
    readonly model: Model,
    readonly log: DurableLog,
    readonly retention: RetentionPolicy,
    readonly random: Random,
    readonly report: (error: unknown) => void,
  ) {}

  /** A backend for the next life. */
  backend(Maker: BackendMaker, storage: Storage, root: string): FileBackend {
    return new Maker(storage, root, (asked) => {
      this.#asked = asked;
    });
  }

  /** Looks at what recovery came to and watches from then on. To be called when the state is recovered. */
  attach(runtime: EngineRuntime): void {
    this.#recovered(runtime);
    const { commits } = runtime.parts.journal;
    const guarded = (look: (commit: Commit) => void): void => {
      commits.subscribe((commit) => {
        try {
          look(commit);
        } catch (error) {
          this.report(error);
        }
      });
    };
    // Before anybody else of this life: whoever sees a commit sees it after the reference has.
    guarded((commit) => {
      this.#visible(commit);
    });
    queueMicrotask(() => {
      guarded(() => {
        if (this.random.chance(HASH_AT_COMMIT)) this.compareHash(runtime, 'at a commit boundary');
      });
    });
  }

  /** The live state is what the facts fold to. */
  compareHash(runtime: EngineRuntime, when: string): void {
    demand(
      stateHash(runtime.state) === stateHash(this.#shadow),
      'replay equals life',
      () =>
        `the state ${when}, at ${String(runtime.state.sequence)}, is not what ${String(this.model.sequence)} facts fold to`,
    );
  }

  #visible(commit: Commit): void {
    for (const frame of this.log.fresh()) this.#frames.set(frame.firstSequence, frame);
    const frame = this.#frames.get(commit.firstSequence);
    demand(
      frame?.count === commit.events.length,
      'durable before visible',
      () =>
        `commit ${String(commit.firstSequence)} (${String(commit.events[0]?.type)}) was seen and is not on the platter`,
    );
    this.#take(commit, frame);
  }

  #take(commit: Commit, frame: DurableFrame): void {
    this.model.apply(commit, `${String(frame.epoch)} ${String(frame.batch)}`);
    this.#shadow.apply(commit);
    for (const event of commit.events) if (event.type === 'TaskCreated') this.onTask(event.spec.id);
  }

  #recovered(runtime: EngineRuntime): void {
    const { model, log } = this;
    const seen = model.sequence;
    log.forget();
    const frames = log.fresh();
    let last: DurableFrame | undefined;
    for (const frame of frames) {
      demand(
        last === undefined || frame.firstSequence === last.firstSequence + last.count,
        'no silent loss',
        () => `the log jumps to ${String(frame.firstSequence)}`,
      );
      if (frame.firstSequence <= seen) this.#sameAsSeen(frame);
      else this.#unseen(frame);
      this.#frames.set(frame.firstSequence, frame);
      last = frame;
    }
    this.#asked = [];
    this.judgeBegin();
    const end = last === undefined ? 0 : last.firstSequence + last.count - 1;
    demand(
      end >= seen,
      'no silent loss',
      () => `events up to ${String(seen)} were seen, the log ends at ${String(end)}`,
    );
    demand(
      runtime.state.sequence === end,
      'durable before visible',
      () => `recovery shows ${String(runtime.state.sequence)}, durable is ${String(end)}`,
    );
    if (this.random.chance(HASH_AFTER_RECOVERY)) this.compareHash(runtime, 'after recovery');
  }

  #sameAsSeen(frame: DurableFrame): void {
    const before = this.#frames.get(frame.firstSequence);
    demand(
      before?.payloadCrc === frame.payloadCrc && before.count === frame.count,
      'no silent loss',
      () => `the commit at ${String(frame.firstSequence)} is another one than was seen`,
    );
  }

  /** What nobody saw may be there all the same, but only as the beginning of the last batch that was handed over. */
  #unseen(frame: DurableFrame): void {
    const { firstSequence, count } = frame;
    const asked = known(
      this.#asked.find((commit) => commit.firstSequence === firstSequence),
      'no silent loss',
      () => `recovery found a commit at ${String(firstSequence)} that was refused, or never made`,
    );
    const payload = frame.payload();
    const commit = this.#decoder.decode({
      bytes: payload,
      from: 0,
      end: payload.length,
      firstSequence,
      count,
    });
    demand(
      canonical(commit.events) === canonical(asked.events),
      'no silent loss',
      () => `the commit at ${String(firstSequence)} is not the one that was handed over`,
    );
    this.indeterminate++;
    this.#take(commit, frame);
  }

  /** What is missing at the beginning of the log is what retention may remove: two durable snapshots stand for it. */
  judgeBegin(): void {
    const { log, model, retention } = this;
    const begin = log.begin();
    if (begin === undefined || begin === this.#begin) return;
    const covering = log
      .snapshots()
      .filter((sequence) => sequence >= begin - 1 && sequence <= model.sequence);
    demand(
      begin > this.#begin && retention !== 'keep' && covering.length >= 2,
      'no silent loss',
      () =>
        `the log begins at ${String(begin)} after ${String(this.#begin)}; snapshots that cover that: ${covering.join(', ')}`,
    );
    this.#begin = begin;
    this.letGo++;
    if (retention === 'archive') this.#judgeArchive(begin);
  }

  /** What was moved to the archive is all that is missing from the log, as it was seen. */
  #judgeArchive(begin: number): void {
    let next = 1;
    for (const frame of this.log.archived()) {
      demand(
        frame.firstSequence === next,
        'no silent loss',
        () => `the archive jumps from ${String(next)} to ${String(frame.firstSequence)}`,
      );
      this.#sameAsSeen(frame);
      next += frame.count;
    }
    demand(
      next === begin,
      'no silent loss',
      () => `the archive ends before ${String(next)}, the log begins at ${String(begin)}`,
    );
  }
}

/** JSON with the fields of each object in order, without those that are `undefined`. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    const fields = inner as Readonly<Record<string, unknown>>;
    const inOrder = Object.keys(fields).sort();
    return Object.fromEntries(inOrder.map((name) => [name, fields[name]]));
  });
}
