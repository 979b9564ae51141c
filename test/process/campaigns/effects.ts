// What the handlers did to the world: a line a call, in a file that no kill takes back.
import { existsSync, readFileSync } from 'node:fs';

/** A handler call. */
export interface Effect {
  readonly runId: string;
  readonly attemptId: string;
}

/** Every handler call so far, in order. */
export function readEffects(file: string): Effect[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.length > 0)
    .map((line) => {
      const [runId = '', attemptId = ''] = line.split(' ');
      return { runId, attemptId };
    });
}
