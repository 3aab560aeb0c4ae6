/** The URL of another database on the same server. */
export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** The URL of the same database for another role, whose password is its name, or with session settings. */
export function urlWith(
  databaseUrl: string,
  { user, settings = {} }: { user?: string; settings?: Record<string, string> },
): string {
  const url = new URL(databaseUrl);
  if (user !== undefined) {
    url.username = user;
    url.password = user;
  }
  const options = Object.entries(settings).map(([name, value]) => `-c${name}=${value}`);
  if (options.length > 0) url.searchParams.set('options', options.join(' '));
  return url.href;
}
