import { expect, test } from 'vitest';
import { migrate, migrationStatus, openDatabase, rollback } from '../../src/index.ts';

/** Invalid URLs that three different functions refuse. */
const invalidUrls = [
  'mysql://localhost/app',
  'postgres://localhost/app?max=0',
  'postgres://app:hunter#2@localhost/app',
];

test.each(invalidUrls)('an invalid URL is reported as options.url or url: %s', async (url) => {
  const inOptions = { code: 'INVALID_INPUT', path: ['options', 'url'] };
  await expect(migrate({ url })).rejects.toMatchObject(inOptions);
  await expect(rollback({ url })).rejects.toMatchObject(inOptions);
  await expect(migrationStatus({ url })).rejects.toMatchObject(inOptions);
  await expect(openDatabase(url)).rejects.toMatchObject({ code: 'INVALID_INPUT', path: ['url'] });
});

test.each([0, -1, 1.5, 2 ** 31, '5s', null])(
  'an invalid time limit is reported as options.lockTimeoutMs: %o',
  async (value) => {
    const options = { url: 'memory://', lockTimeoutMs: value as number };
    const error = { code: 'INVALID_INPUT', path: ['options', 'lockTimeoutMs'] };
    await expect(migrate(options)).rejects.toMatchObject(error);
    await expect(rollback(options)).rejects.toMatchObject(error);
  },
);
