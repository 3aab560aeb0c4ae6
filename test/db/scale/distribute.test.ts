import { expect, test } from 'vitest';
import { distributeLedger } from '../../../src/index.ts';
import { useTestDatabase } from '../../support/database.ts';

const db = useTestDatabase();

test.each([true, false])(
  'a database without the extension citus is refused (apply: %s)',
  async (apply) => {
    const attempt = distributeLedger({ db: db(), apply });
    await expect(attempt).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      hint: 'Create the extension on all nodes, and add the workers with citus_add_node.',
    });
  },
);

test('the number of shards must be positive', async () => {
  await expect(distributeLedger({ db: db(), shards: 0 })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    path: ['options', 'shards'],
  });
});
