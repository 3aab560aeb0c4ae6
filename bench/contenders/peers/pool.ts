import { PGlite } from '@electric-sql/pglite';
import { Pool } from 'pg';

/** A pool of node-postgres for a server; for a directory, PGlite with the methods of a pool that the peers call. */
export function openPool(url: string): Pool {
  return url.startsWith('postgres')
    ? new Pool({ connectionString: url })
    : (new PGlitePool(url) as unknown as Pool);
}

/** PGlite has one session, so the pool is its only client too. */
class PGlitePool {
  private readonly opened: Promise<PGlite>;

  constructor(directory: string) {
    this.opened = PGlite.create(directory);
  }

  async connect(): Promise<this> {
    await this.opened;
    return this;
  }

  release(): void {}

  async query(text: string, values: readonly unknown[] = []) {
    const client = await this.opened;
    // PGlite runs several statements only without parameters.
    const results =
      values.length > 0 ? [await client.query(text, [...values])] : await client.exec(text);
    const { rows = [], affectedRows } = results.at(-1) ?? {};
    const command = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase();
    return { command, rows, rowCount: affectedRows || rows.length };
  }

  async end(): Promise<void> {
    await (await this.opened).close();
  }
}
