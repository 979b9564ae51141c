// The environment of the suites while a mutant is tried. It writes down which test runs and which failed first, so that
// a suite that hangs is known by the test it hangs in, and passes over the rest of a suite once a test has failed.
import { writeFileSync } from 'node:fs';
import { TestEnvironment } from 'jest-environment-node';

/** @typedef {import('@jest/types').Circus.AsyncEvent | import('@jest/types').Circus.SyncEvent} CircusEvent */

/** What jest asks for the environment of a suite. */
export default class WatchedEnvironment extends TestEnvironment {
  failed = false;

  /** @param {CircusEvent} event */
  handleTestEvent(event) {
    if (event.name === 'test_start') {
      if (this.failed) event.test.mode = 'skip';
      else note('running', event.test.name);
    }
    if (event.name === 'test_done' && event.test.errors.length > 0 && !this.failed) {
      this.failed = true;
      note('failed', event.test.name);
    }
  }
}

/** @param {'running' | 'failed'} state @param {string} title */
function note(state, title) {
  const file = process.env['PAWL_PROGRESS'];
  if (file !== undefined) writeFileSync(file, JSON.stringify({ state, title }));
}
