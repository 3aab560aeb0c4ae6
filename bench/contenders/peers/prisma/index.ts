import { PrismaPg } from '@prisma/adapter-pg';
import { Pool } from 'pg';
import type { Contender } from '../../../contender.ts';
import { inOrderOf, partsOf } from '../../list-rows.ts';
import {
  originalDesign,
  originalPagesAStatement,
  originalTables,
  parseOriginalRow,
  toOriginalRow,
} from '../../original.ts';
import { PrismaClient } from './generated/client.ts';

/** The original design on Prisma, whose client runs without an engine, on node-postgres. */
export const originalPrisma: Contender = {
  ...originalDesign,
  name: 'original design, Prisma',
  packages: ['@prisma/client', '@prisma/adapter-pg', 'pg'],
  async open(url) {
    // One statement a call is all that Prisma's own raw queries take.
    const pool = new Pool({ connectionString: url });
    await pool.query(originalTables);
    await pool.end();
    const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
    return {
      async addDocuments(docIds) {
        await prisma.document.createMany({ data: docIds.map((id) => ({ id })) });
      },
      async writePages(pages) {
        for (const part of partsOf(pages.map(toOriginalRow), originalPagesAStatement)) {
          await prisma.vector.createMany({ data: part });
        }
      },
      async findByPage(docId, page) {
        const rows = await prisma.vector.findMany({ where: { docId, page } });
        return rows.flatMap((row) => parseOriginalRow(row).vectorIds);
      },
      async findByDocument(docId) {
        const rows = await prisma.vector.findMany({ where: { docId }, orderBy: { page: 'asc' } });
        return rows.map((row) => parseOriginalRow(row).vectorIds);
      },
      async findByPages(keys) {
        const rows = await prisma.vector.findMany({
          where: { OR: keys.map(({ docId, page }) => ({ docId, page })) },
        });
        return inOrderOf(keys, rows.map(parseOriginalRow));
      },
      close: () => prisma.$disconnect(),
    };
  },
};
