import { createVectorRepository, type Db, type VectorRepository } from 'colpali-vectors';
import { modelNames } from 'colpali-vectors/page';
import { vectors } from 'colpali-vectors/schema';
import { newPageVectorsSchema } from 'colpali-vectors/zod';
import { eq } from 'drizzle-orm';
import { liveInOwnTables } from './life';

/** A provider: a class whose dependencies are the arguments of its constructor. */
export class LedgerService {
  private readonly repository: VectorRepository;

  constructor(private readonly db: Db) {
    this.repository = createVectorRepository(db);
  }

  live(): Promise<string> {
    return liveInOwnTables(this.db);
  }

  get models(): readonly string[] {
    return modelNames();
  }

  async record(page: unknown): Promise<number> {
    await this.repository.upsertPage(newPageVectorsSchema.parse(page));
    const rows = await this.db.select().from(vectors).where(eq(vectors.docId, 1));
    return rows.length;
  }
}
