/**
 * For `node --import`: databases in memory start from a copy of the directory in EMPTY_PGLITE, because PGlite needs ten
 * seconds to create one.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite, type PGliteOptions } from '@electric-sql/pglite';

const template = process.env['EMPTY_PGLITE'];
if (!template) throw new Error('EMPTY_PGLITE is not set');

const create = PGlite.create.bind(PGlite) as (options: PGliteOptions) => Promise<PGlite>;

async function createFromCopy(options: PGliteOptions): Promise<PGlite> {
  const folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const dataDir = join(folder, 'database');
  cpSync(template as string, dataDir, { recursive: true });
  return create({ ...options, dataDir });
}

PGlite.create = createFromCopy as typeof PGlite.create;
