import { constants } from 'node:os';

/** SIGINT or SIGTERM, once it has arrived. */
export interface StopSignal {
  /** Aborts when the first of them arrives. */
  readonly signal: AbortSignal;
  /** The exit code that shells use for the signal: 130 or 143. */
  exitCode(): number;
}

/** Lets a command end by itself after SIGINT or SIGTERM. A second one ends the process at once. */
export function listenForStop(): StopSignal {
  const stop = new AbortController();
  const listen = (name: 'SIGINT' | 'SIGTERM') => process.once(name, () => stop.abort(name));
  listen('SIGINT');
  listen('SIGTERM');
  return {
    signal: stop.signal,
    exitCode: () => 128 + constants.signals[stop.signal.reason as NodeJS.Signals],
  };
}
