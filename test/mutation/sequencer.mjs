// Runs suites in the order in which PAWL_SUITES names them, the nearest ones first, so that a mutant dies early.
const order = (process.env['PAWL_SUITES'] ?? '').split(' ');

/** @param {string} file */
function place(file) {
  return order.findIndex((name) => file.endsWith(name));
}

/** What jest asks for the order of its suites. */
export default class InOrder {
  /** @template {{ readonly path: string }} T @param {readonly T[]} tests */
  sort(tests) {
    return [...tests].sort((left, right) => place(left.path) - place(right.path));
  }

  /** @template T @param {readonly T[]} tests */
  shard(tests) {
    return tests;
  }

  allFailedTests() {
    return [];
  }

  cacheResults() {
    return undefined;
  }
}
