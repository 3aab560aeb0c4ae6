import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build, type Format } from 'esbuild';
import { expect, test } from 'vitest';
import { select, useEmptyDatabase } from '../support/database.ts';
import { projectRoot } from '../support/drizzle-kit.ts';
import { tags } from '../support/migrations.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const database = useEmptyDatabase();
const folder = useTemporaryFolder();

const service = `
import { migrate, migrationStatus, rollback } from './src/index.ts';

async function main() {
  const url = process.argv[2];
  const { applied } = await migrate({ url });
  const { pending, drift } = await migrationStatus({ url });
  const { undone } = await rollback({ url });
  console.log(JSON.stringify({ applied, pending, drift, undone }));
}
main();
`;

test.each<[Format, string]>([
  ['esm', 'mjs'],
  ['cjs', 'cjs'],
])(
  'a bundled service (%s) beside its own drizzle/ runs only our migrations',
  async (format, extension) => {
    // As drizzle-kit writes it, for a host's table.
    mkdirSync(join(folder(), 'drizzle/meta'), { recursive: true });
    writeFileSync(join(folder(), 'drizzle/0000_host.sql'), 'create table host_table (id integer);');
    const entries = [{ idx: 0, version: '7', when: 1, tag: '0000_host', breakpoints: true }];
    writeFileSync(join(folder(), 'drizzle/meta/_journal.json'), JSON.stringify({ entries }));

    const outfile = join(folder(), `dist/service.${extension}`);
    await build({
      stdin: { contents: service, resolveDir: projectRoot, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format,
      outfile,
      logLevel: 'silent',
    });
    const { stdout } = await promisify(execFile)(process.execPath, [outfile, database().url], {
      cwd: folder(),
    });
    expect(JSON.parse(stdout)).toEqual({
      applied: tags,
      pending: [],
      drift: [],
      undone: tags.slice(-1),
    });
    expect(await select(database().db, "select to_regclass('host_table')::text as name")).toEqual([
      { name: null },
    ]);
  },
);
