// Views over real projections and a journal whose commits the test makes.
import { DEFAULT_LIMITS, type Limits } from '../../../src/domain/limits.js';
import type { PawlEvent } from '../../../src/domain/events.js';
import { silentLogger, type LogFields } from '../../../src/logger.js';
import { Observe, type ObserveOptions } from '../../../src/observe/observe.js';
import { Projections } from '../../../src/projections/projections.js';
import { FakeJournal, TestClock } from './stream-fixture.js';
import { attemptEnded, dispatched, moved, runCreated, taskCreated } from './history-maker.js';
import type { Payload } from '../../../src/domain/payload.js';
import type { AttemptResult } from '../../../src/domain/run.js';
import type { RunState } from '../../../src/domain/run-state.js';

/** What a fixture is made with. */
export interface ViewOptions extends Pick<ObserveOptions, 'inspect' | 'liveActors'> {
  readonly limits?: Partial<Limits>;
  /** Made before anything is observed. */
  readonly history?: (fixture: ViewFixture) => void;
}

/** Views of a state that the test changes. */
export class ViewFixture {
  readonly clock = new TestClock();
  readonly journal = new FakeJournal();
  readonly state = new Projections();
  readonly observe: Observe;
  /** What subscribers threw, as it was logged. */
  readonly warned: LogFields[] = [];

  constructor(options: ViewOptions = {}) {
    this.journal.commits.subscribe((commit) => {
      this.state.apply(commit);
    });
    this.observe = new Observe({
      clock: this.clock,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      logger: {
        ...silentLogger,
        warn: (fields) => {
          this.warned.push(fields);
        },
        error: (fields) => {
          throw fields['err'];
        },
      },
      liveActors: options.liveActors,
      inspect: options.inspect,
    });
    options.history?.(this);
    this.observe.attach({ journal: this.journal, projections: this.state });
  }

  commit(...events: readonly PawlEvent[]): void {
    this.journal.emitEvents(events);
  }

  /** A task and its run, brought to a state. */
  run(id: string, state: 'scheduled' | 'ready' | 'running' = 'scheduled'): void {
    this.commit(taskCreated(`task-${id}`), runCreated(id, `task-${id}`));
    if (state !== 'scheduled') this.commit(moved(id, 'scheduled', 'ready'));
    if (state === 'running') this.commit(...dispatched(id, 1));
  }

  /** Ends the open attempt of a run and moves the run on. */
  finish(id: string, result: AttemptResult, to: RunState, output?: Payload): void {
    const row = this.state.runs.row(id);
    if (row === undefined) throw new Error(`no run ${id}`);
    this.commit(
      ...attemptEnded(row, result, output),
      moved(id, 'running', to, to === 'completed' ? undefined : result),
    );
  }

  /** Continues a running run as another. */
  continueAsNew(id: string, successor: string): void {
    const row = this.state.runs.row(id);
    if (row === undefined) throw new Error(`no run ${id}`);
    this.commit(
      ...attemptEnded(row, 'success'),
      { type: 'RunContinued', sequence: 0, at: 0, runId: id, successorRunId: successor },
      moved(id, 'running', 'completed'),
      { ...runCreated(successor, row.task.id, row.occurrence), continuedFrom: id },
    );
  }
}
