// Freezing what callers get to see. Only what the projections own is frozen, never an event.

/** Freezes an object and everything in it, without recursion. Returns it. For trees. */
export function freezeDeep<T extends object>(value: T): T {
  const open: object[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    // What is frozen already may hold what is not.
    Object.freeze(next);
    for (const inner of Object.values(next) as unknown[]) {
      if (typeof inner === 'object' && inner !== null) open.push(inner);
    }
  }
  return value;
}
