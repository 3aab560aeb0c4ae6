import type { InvalidInputError } from '../errors.ts';

/** The options of the command line that set these arguments of our functions. */
const optionNames: Record<string, string> = {
  url: 'database URL (--database or DATABASE_URL)',
  to: '--to',
  store: '--store',
  ledger: '--ledger',
  schema: '--schema',
  config: '--config',
  out: '--out',
};

/** The message of an error about an option's value, with the name of the option. */
export function describeInvalidInput({ path, reason, message }: InvalidInputError): string {
  const option = optionNames[path.at(-1) ?? ''];
  return option === undefined ? message : `${option}: ${reason}`;
}
