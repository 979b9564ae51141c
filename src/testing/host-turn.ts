// The one place of the test kit that touches the host's event loop and its real time.

/** Resolves in a later turn of the event loop, after I/O that is ready was handled. */
export function hostTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Calls `task` in a later turn of the event loop. */
export function onHostTurn(task: () => void): void {
  setImmediate(task);
}

/** Real monotonic milliseconds. */
export function realMonotonicMs(): number {
  return performance.now();
}
