import { PrismaPg } from '@prisma/adapter-pg';
import { originalDesign, originalTables } from '../../original.ts';
import { openPool } from '../pool.ts';
import { PrismaClient } from './generated/client.ts';

/** Uses Prisma's client without its engine, on node-postgres. */
export const originalPrisma = originalDesign('Prisma', {
  packages: ['@prisma/client', '@prisma/adapter-pg', 'pg'],
  async connect(url) {
    // Created without Prisma, whose raw queries allow only one statement per call.
    const pool = openPool(url);
    await pool.query(originalTables);
    const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
    return {
      insertDocuments: (docIds) =>
        prisma.document.createMany({ data: docIds.map((id) => ({ id })) }),
      insertRows: (rows) => prisma.vector.createMany({ data: rows }),
      selectPage: (docId, page) => prisma.vector.findMany({ where: { docId, page } }),
      selectDocument: (docId) =>
        prisma.vector.findMany({ where: { docId }, orderBy: { page: 'asc' } }),
      selectPages: (keys) =>
        prisma.vector.findMany({
          where: { OR: keys.map(({ docId, page }) => ({ docId, page })) },
        }),
      deletePages: (docId) => prisma.vector.deleteMany({ where: { docId } }),
      async close() {
        await prisma.$disconnect();
        await pool.end();
      },
    };
  },
});
