// Shows runs while they live: each change of state as `state$` delivers it, and what xstate's inspection tells of the
// actors of orchestrator, journal and runs.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineTask, openOrchestrator } from 'pawl';

let calls = 0;
const flaky = defineTask('flaky', async (_context, input: { readonly name: string }) => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  if (input.name === 'second' && calls++ < 2) throw new Error('not yet');
  return { greeted: input.name };
});

const dataDir = await mkdtemp(join(tmpdir(), 'pawl-watch-'));
const pawl = await openOrchestrator({
  dataDir,
  tasks: [flaky],
  liveActors: 'all',
  inspect: (event) => {
    if (event.type === '@xstate.snapshot')
      process.stdout.write(`inspect  ${event.actorRef.sessionId} ${stateOf(event.snapshot)}\n`);
  },
});

for (const name of ['first', 'second']) {
  const { runIds } = await pawl.submit(
    flaky,
    { name },
    { constraints: { maxAttempts: 3, backoff: { kind: 'fixed', delayMs: 100, jitter: 'none' } } },
  );
  for (const runId of runIds) {
    pawl.run(runId).state$.subscribe({
      next: (run) =>
        process.stdout.write(`state$   ${name} ${run.state} (attempt ${String(run.attemptCount)})\n`),
      complete: () => process.stdout.write(`state$   ${name} has ended\n`),
    });
  }
  for (const runId of runIds)
    process.stdout.write(`result   ${JSON.stringify(await pawl.run(runId).result())}\n`);
}
await pawl.close();
await rm(dataDir, { recursive: true });

function stateOf(snapshot: unknown): string {
  const { value } = snapshot as { value?: unknown };
  return typeof value === 'string' ? value : JSON.stringify(value);
}
