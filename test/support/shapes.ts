import { inject, test } from 'vitest';

/** Whether the ledgers of the project are distributed with Citus. */
export const isDistributed = inject('shape') === 'distributed';

/** For what a distributed ledger cannot do or refuses. docs/scaling.md lists it, test/citus has tests of it. */
export const testUnlessDistributed = test.skipIf(isDistributed);
