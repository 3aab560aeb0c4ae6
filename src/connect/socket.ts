import { connect, isIP, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { ServerAddress } from './server-url.ts';
import { identityChecker, type Tls } from './tls.ts';

/** What `connectSocket` needs besides an address. */
export interface SocketOptions {
  tls: Tls;
  /** In seconds; 0 means no limit. */
  connectTimeout: number;
  /** Ends an attempt to connect. */
  signal: AbortSignal;
}

/** A connection could not be made, for a reason that Node does not report. */
class ConnectionError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Connects to a server and encrypts the connection.
 *
 * postgres.js could do this itself, but it retries forever if all of several hosts are down, checks the certificate
 * of an IP address against the name "localhost", and starts the TLS handshake even if the server has refused TLS.
 *
 * @throws The errors of Node, or a `ConnectionError`. All have a `code`.
 */
export async function connectSocket(
  address: ServerAddress,
  options: SocketOptions,
): Promise<Duplex> {
  const { tls } = options;
  const encrypted =
    tls.use === 'never' || isUnixSocket(address)
      ? undefined
      : await openEncrypted(address, options);
  const stream = encrypted ?? (await openPlain(address, options));
  // postgres.js puts the host and the port of the socket into its errors.
  return Object.assign(stream, address);
}

/** A stream that fails with `error` as soon as something is written. postgres.js cannot handle a rejected promise. */
export function failedSocket(error: Error): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(error) });
}

function openPlain(address: ServerAddress, options: SocketOptions): Promise<Duplex> {
  return withinLimits(options, openTcp(address), async (socket) => {
    await until(socket, 'connect');
    return socket;
  });
}

/** If TLS is only preferred, returns undefined when the handshake fails. libpq, too, then connects again without TLS. */
function openEncrypted(
  address: ServerAddress,
  options: SocketOptions,
): Promise<Duplex | undefined> {
  const { tls } = options;
  return withinLimits(options, openTcp(address), async (socket) => {
    await until(socket, 'connect');
    try {
      return await encrypt(socket, address, tls);
    } catch (error) {
      const isOver = socket.errored !== null;
      socket.destroy();
      if (tls.use === 'required' || isOver) throw error;
      return undefined;
    }
  });
}

async function encrypt(socket: Socket, address: ServerAddress, tls: Tls): Promise<Duplex> {
  if (!tls.direct && !(await offersTls(socket))) {
    if (tls.use === 'preferred') return socket;
    throw new ConnectionError('TLS_NOT_OFFERED', 'the server does not offer TLS');
  }
  const name = tls.options.servername ?? address.host;
  const encrypted = withoutUncaughtErrors(
    connectTls({
      checkServerIdentity: identityChecker(name),
      ...tls.options,
      ...(isIP(name) ? {} : { servername: name }),
      ...(tls.direct ? { ALPNProtocols: ['postgresql'] } : {}),
      socket,
    }),
  );
  await until(encrypted, 'secureConnect');
  return encrypted;
}

function isUnixSocket({ host }: ServerAddress): boolean {
  return host.startsWith('/');
}

function openTcp(address: ServerAddress): Socket {
  const { host, port } = address;
  const socket = isUnixSocket(address)
    ? connect(`${host}/.s.PGSQL.${port}`)
    : connect({ host, port });
  return withoutUncaughtErrors(socket);
}

/** Asks the server whether it accepts TLS. In the protocol, the question has eight bytes and the answer has one. */
async function offersTls(socket: Socket): Promise<boolean> {
  socket.write(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]));
  const [answer] = (await until(socket, 'data')) as [Buffer];
  const text = answer.toString('latin1');
  if (text === 'S' || text === 'N') return text === 'S';
  // Further bytes may come from an attacker: after the handshake, they would count as sent by the server.
  throw new ConnectionError('PROTOCOL_VIOLATION', 'the server gave no valid answer about TLS');
}

/**
 * Adds an `error` listener, because an error without a listener ends the process. The function `until` listens only while
 * it waits. Between two of its calls, and after the last, this listener is the only one.
 */
function withoutUncaughtErrors<Stream extends Duplex>(stream: Stream): Stream {
  return stream.on('error', () => {});
}

/** Runs `work`, and destroys the socket if it fails, takes too long or is aborted. */
async function withinLimits<Result>(
  { connectTimeout, signal }: SocketOptions,
  socket: Socket,
  work: (socket: Socket) => Promise<Result>,
): Promise<Result> {
  const stop = (code: string, message: string) =>
    socket.destroy(new ConnectionError(code, message));
  const timedOut = () =>
    stop('CONNECT_TIMEOUT', `the server did not answer within ${connectTimeout} seconds`);
  const aborted = () => stop('CONNECTION_ENDED', 'the database was closed');
  const timer = connectTimeout > 0 ? setTimeout(timedOut, connectTimeout * 1000) : undefined;
  signal.addEventListener('abort', aborted);
  if (signal.aborted) aborted();
  try {
    return await work(socket);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', aborted);
  }
}

/** Waits for an event. Rejects if the socket fails or closes first. */
function until(socket: Duplex, event: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const onEvent = (...args: unknown[]) => settle(() => resolve(args));
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () =>
      onError(new ConnectionError('CONNECTION_CLOSED', 'the server closed the connection'));
    const settle = (how: () => void) => {
      socket.off(event, onEvent).off('error', onError).off('close', onClose);
      how();
    };
    socket.on(event, onEvent).on('error', onError).on('close', onClose);
  });
}
