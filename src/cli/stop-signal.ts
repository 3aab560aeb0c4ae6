import { constants } from 'node:os';

/** Tells whether SIGINT or SIGTERM has arrived. */
export interface StopSignal {
  /** Aborts when the first of the two signals arrives. */
  readonly signal: AbortSignal;
  /** The exit code that shells use for the signal: 130 or 143. */
  exitCode(): number;
}

/** Listens for SIGINT and SIGTERM, so that a command can stop by itself. A second signal ends the process at once. */
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
