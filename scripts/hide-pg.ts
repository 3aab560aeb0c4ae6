/**
 * Makes drizzle-kit use postgres.js, which prints the warnings of a failing migration. drizzle-kit would prefer `pg`,
 * which is installed for the tests and prints no warnings.
 */
import { register } from 'node:module';

const hooks = `export function resolve(specifier, context, next) {
  if (specifier === 'pg') throw new Error('drizzle.config.ts hides pg');
  return next(specifier, context);
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
