import { expect, test } from 'vitest';
import { useCliLedger } from '../support/cli-ledger.ts';

const cliLedger = useCliLedger();

test('distribute fails without Citus, says what is missing, and prints no SQL', async () => {
  const { run } = cliLedger();
  const { code, stdout, stderr } = await run(['distribute']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('the database has no extension citus');
});
