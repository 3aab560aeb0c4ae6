import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot, runDrizzleKit } from '../support/drizzle-kit.ts';

const embedded = join(projectRoot, '.pglite');

test.each([
  ['migrate', { CI: 'true', DATABASE_URL: '' }],
  ['migrate', { CI: '', DATABASE_URL: '' }],
  ['push', { CI: '', DATABASE_URL: '' }],
  ['studio', { CI: 'true', DATABASE_URL: '' }],
])('drizzle-kit %s needs a DATABASE_URL with %j', async (command, env) => {
  const existed = existsSync(embedded);
  const { code, output } = await runDrizzleKit([command], env);
  expect(output).toContain('Set DATABASE_URL');
  expect(code).not.toBe(0);
  expect(existsSync(embedded)).toBe(existed);
});

test('drizzle-kit check needs no DATABASE_URL', async () => {
  const { code } = await runDrizzleKit(['check'], { CI: 'true', DATABASE_URL: '' });
  expect(code).toBe(0);
  const production = { NODE_ENV: 'production', DATABASE_URL: '' };
  expect((await runDrizzleKit(['check'], production)).code).toBe(0);
});

test('drizzle-kit migrate names its database, without the password', async () => {
  const { output } = await runDrizzleKit(['migrate'], {
    DATABASE_URL: 'postgres://app:secret@127.0.0.1:1/app',
  });
  expect(output).toContain('database: postgres://127.0.0.1:1/app\n');
  expect(output).not.toContain('secret');
});
