import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';

/** Who has a directory open: the content of its lock file, in JSON. */
export interface LockOwner {
  pid: number;
  /** 0 is the main thread. */
  thread: number;
  host: string;
  /** The namespace of `pid`. The host's name is not enough, because containers may have the name of their host. */
  pidNamespace: string;
  /** When the process started, in clock ticks since the machine started; null if the system does not say. */
  startedAt: string | null;
  /** Tells two locks of one thread apart. */
  token: string;
}

/** How long after its last heartbeat an owner on another host counts as running. */
const staleAfterMs = 30_000;

/** This thread of this process. */
export function newLockOwner(): LockOwner {
  return {
    pid: process.pid,
    thread: threadId,
    host: hostname(),
    pidNamespace: pidNamespace(),
    startedAt: processState(process.pid)?.startedAt ?? null,
    token: randomUUID(),
  };
}

/** Reads the text of a lock file; undefined if it is incomplete. */
export function parseLockOwner(text: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(text);
    return typeof owner?.pid === 'number' && typeof owner.host === 'string' ? owner : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether an owner no longer runs.
 *
 * @param silentMs - How long ago its last heartbeat was. Matters only for other hosts and containers.
 */
export function isGone(owner: LockOwner | undefined, silentMs: number): boolean {
  if (owner === undefined || !isHere(owner)) return silentMs > staleAfterMs;
  if (!processExists(owner.pid)) return true;
  const state = processState(owner.pid);
  if (state === undefined) return false;
  const isAnother = owner.startedAt !== null && state.startedAt !== owner.startedAt;
  return state.isZombie || isAnother;
}

/** Names an owner: `process 4711`, `process 7 on host db-1`. */
export function describeLockOwner(owner: LockOwner): string {
  if (!isHere(owner)) return `process ${owner.pid} on host ${owner.host}`;
  return owner.pid === process.pid
    ? `another thread of this process (${owner.pid})`
    : `process ${owner.pid}`;
}

/** Whether the owner runs on this host and in this container, so that its process id can be looked up. */
function isHere({ host, pidNamespace: namespace }: LockOwner): boolean {
  return host === hostname() && namespace === pidNamespace();
}

function processExists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Reads /proc, which only Linux has. */
function processState(pid: number): { isZombie: boolean; startedAt: string } | undefined {
  const text = read(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // The name of the program comes second, in parentheses, and may contain spaces.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startedAt] = [fields?.[0], fields?.[19]];
  return startedAt === undefined ? undefined : { isZombie: state === 'Z', startedAt };
}

function pidNamespace(): string {
  return read(() => readlinkSync('/proc/self/ns/pid')) ?? '';
}

function read(work: () => string): string | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
