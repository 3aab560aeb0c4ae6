import { setImmediate } from 'node:timers/promises';

/** How long a loop may run before the rest of the process gets a turn. */
const sliceMs = 5;

/** Creates a function for a long loop to await in each round. It lets other work run every 5 ms. */
export function createPause(): () => Promise<void> {
  let sliceEnd = performance.now() + sliceMs;
  return async () => {
    if (performance.now() < sliceEnd) return;
    await setImmediate();
    sliceEnd = performance.now() + sliceMs;
  };
}
