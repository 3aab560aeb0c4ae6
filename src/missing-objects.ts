/** Hints for errors about a ledger that is not complete in the database. */

export const missingTablesHint =
  'For the package\'s own tables, run "npx colpali-vectors migrate". For a ledger that you made with defineLedger, ' +
  'run your own migrations and name the ledger: --ledger <module> on the command line, { ledger } in code.';

/** How the functions and triggers of the package's own ledger are created. */
export const migrateHint =
  'Run "npx colpali-vectors migrate". If it has nothing to apply, run "npx colpali-vectors rollback" and then migrate again.';

/** How the functions and triggers of a ledger made with `defineLedger` are created. */
export const generateHint =
  'Run "npx colpali-vectors generate" and then your migrations, or call installLedger(db, ledger).';

export const missingFunctionsHint = `For the package's own tables, run "npx colpali-vectors migrate". For a ledger of defineLedger: ${generateHint}`;
