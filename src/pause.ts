import { setImmediate } from 'node:timers/promises';

/** How long a loop may run before the rest of the process gets a turn. */
const sliceMs = 1;

/** Creates a function that a long loop awaits in each round. It lets the rest of the process run once per millisecond. */
export function createPause(): () => Promise<void> {
  let sliceEnd = performance.now() + sliceMs;
  return async () => {
    if (performance.now() < sliceEnd) return;
    await setImmediate();
    sliceEnd = performance.now() + sliceMs;
  };
}
