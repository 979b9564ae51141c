// Shows runs while they live: each change of state as `state$` delivers it, and beside it what xstate's inspection tells
// of the actors of orchestrator, journal and runs. One run is retried, one suspended and resumed, one canceled.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  defineTask,
  isPawlError,
  openOrchestrator,
  type InspectOption,
  type Orchestrator,
  type RunRecord,
} from 'pawl';
import { Screen } from './screen.js';

const FAILURES = 2;

/** Fails twice, then greets. */
const greet = defineTask('greet', async (context, input: { readonly name: string }) => {
  await sleep(30);
  if (context.attempt <= FAILURES) throw new Error('not yet');
  return { greeted: input.name };
});
/** Asks once, and goes on with the answer. */
const approve = defineTask(
  'approve',
  (context) => context.resumedWith ?? context.suspend({ asks: 'may I?' }),
);
/** Never ends by itself. */
const endless = defineTask('endless', async ({ signal }) => {
  await sleep(3_600_000, undefined, { signal });
});

/** Tells of every state that an actor comes to. An actor of a run has the run's record for its context. */
function inspectorOf(screen: Screen): InspectOption {
  return (inspected) => {
    if (inspected.type !== '@xstate.snapshot') return;
    const { value, context } = inspected.snapshot as { value?: unknown; context?: { run?: RunRecord } };
    const actor = 'id' in inspected.actorRef ? String(inspected.actorRef.id) : inspected.actorRef.sessionId;
    const name = context?.run === undefined ? actor : `run ${context.run.taskId}`;
    screen.actor(name, String(value), inspected.event.type);
  };
}

/** Follows a run to its end. */
async function follow(pawl: Orchestrator, screen: Screen, { runId, name }: Named): Promise<void> {
  pawl.run(runId).state$.subscribe((run) => {
    const why = run.reason === undefined ? '' : ` (${run.reason})`;
    screen.line('state$', name, `${run.state}, attempt ${String(run.attemptCount)}${why}`);
  });
  try {
    screen.line('result', name, JSON.stringify(await pawl.run(runId).result()));
  } catch (error) {
    if (!isPawlError(error)) throw error;
    screen.line('result', name, `${error.code}: ${error.message}`);
  }
}

interface Named {
  readonly runId: string;
  readonly name: string;
}

// A reader that has seen enough, such as `head`, is no error: the rest is not shown.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
const screen = new Screen(process.stdout);
const dataDir = await mkdtemp(join(tmpdir(), 'pawl-watch-'));
const pawl = await openOrchestrator({
  dataDir,
  tasks: [greet, approve, endless],
  liveActors: 'all',
  inspect: inspectorOf(screen),
});

async function submit(type: string, input?: unknown): Promise<Named> {
  const backoff = { kind: 'fixed', delayMs: 50, jitter: 'none' } as const;
  const options = { id: type, constraints: { maxAttempts: 3, backoff } };
  const [runId = ''] = (await pawl.submit(type, input, options)).runIds;
  return { runId, name: type };
}

await follow(pawl, screen, await submit('greet', { name: 'world' }));

const asking = await submit('approve');
const approved = follow(pawl, screen, asking);
await pawl.idle();
await pawl.resumeRun(asking.runId, 'yes');
await approved;

const unending = await submit('endless');
const canceled = follow(pawl, screen, unending);
await pawl.cancelRun(unending.runId, { reason: 'enough' });
await canceled;

await pawl.close();
await rm(dataDir, { recursive: true });
