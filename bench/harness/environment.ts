import { existsSync, readFileSync } from 'node:fs';
import { cpus, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../result.ts';
import { withClient } from './backends.ts';

/** Server settings that the figures depend on. */
const settings = [
  'shared_buffers',
  'work_mem',
  'max_wal_size',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'autovacuum',
  'jit',
  'default_toast_compression',
];

/** @param packages - npm packages whose versions are recorded. */
export async function describeEnvironment(
  url: string,
  packages: readonly string[],
): Promise<Environment> {
  return withClient(url, async ({ query }) => {
    const [server] = await query<{ version: string }>(
      "select current_setting('server_version') as version",
    );
    const values = await query<{ name: string; value: string }>(
      'select name, current_setting(name) as value from pg_settings where name = any ($1::text[])',
      [settings],
    );
    return {
      date: new Date().toISOString().slice(0, 10),
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${platform()} ${release()}`,
      node: process.versions.node,
      postgresql: server?.version ?? 'unknown',
      settings: Object.fromEntries(values.map(({ name, value }) => [name, value])),
      packages: Object.fromEntries(
        [...new Set(packages)].sort().map((name) => [name, installedVersion(name)]),
      ),
    };
  });
}

/** The installed version; the benchmark's own node_modules takes precedence. */
function installedVersion(name: string): string {
  const found = ['../node_modules', '../../node_modules']
    .map((folder) => fileURLToPath(new URL(`${folder}/${name}/package.json`, import.meta.url)))
    .find((file) => existsSync(file));
  if (found === undefined) throw new Error(`${name} is not installed`);
  return JSON.parse(readFileSync(found, 'utf8')).version;
}
