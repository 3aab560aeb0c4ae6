import type { Duplex } from 'node:stream';
import { describeAddresses, type ServerAddress } from './server-url.ts';
import { connectSocket, failedSocket, type SocketOptions } from './socket.ts';
import type { TargetSession } from './url-parameters.ts';

/** What a session on a host can do. */
export interface HostState {
  standby: boolean;
  readOnly: boolean;
}

/** How `connectToFirst` chooses a host. */
export interface HostOptions extends SocketOptions {
  addresses: readonly ServerAddress[];
  targetSession: TargetSession;
  /** Opens a separate session on one host, asks the server what it can do, and closes the session. */
  inspect(socket: () => Promise<Duplex>): Promise<HostState>;
}

/**
 * Connects to the first host that can be used. It tries each host once, with `prefer-standby` twice. Each attempt may
 * take as long as the connect timeout.
 *
 * @returns A connection, or a stream that fails with the error of the last host.
 */
export async function connectToFirst(options: HostOptions): Promise<Duplex> {
  let failure: Error = new Error('no host');
  for (const { address, target } of candidates(options)) {
    try {
      if (target !== 'any') await requireSession(address, target, options);
      return await connectSocket(address, options);
    } catch (error) {
      failure = error as Error;
    }
  }
  return failedSocket(failure);
}

function candidates({
  addresses,
  targetSession,
}: HostOptions): { address: ServerAddress; target: TargetSession }[] {
  const targets: TargetSession[] =
    targetSession === 'prefer-standby' ? ['standby', 'any'] : [targetSession];
  return targets.flatMap((target) => addresses.map((address) => ({ address, target })));
}

async function requireSession(
  address: ServerAddress,
  target: TargetSession,
  options: HostOptions,
): Promise<void> {
  const { standby, readOnly } = await options.inspect(() =>
    connectSocket(address, options).catch(failedSocket),
  );
  const fits = {
    any: true,
    primary: !standby,
    standby,
    'prefer-standby': standby,
    'read-write': !readOnly,
    'read-only': readOnly,
  }[target];
  if (fits) return;
  const message = `${describeAddresses([address])} is not usable with target_session_attrs=${target}`;
  throw Object.assign(new Error(message), { code: 'CONNECTION_REJECTED' });
}
