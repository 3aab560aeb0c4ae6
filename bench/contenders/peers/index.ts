import type { Contender } from '../../contender.ts';
import type { LeftOut } from '../../result.ts';

const peers: { name: string; load: () => Promise<Contender> }[] = [
  { name: 'Kysely', load: async () => (await import('./kysely.ts')).originalKysely },
  { name: 'TypeORM', load: async () => (await import('./typeorm.ts')).originalTypeorm },
  { name: 'Prisma', load: async () => (await import('./prisma/index.ts')).originalPrisma },
  { name: 'LangChain.js', load: async () => (await import('./langchain.ts')).langchain },
];

/** Loads the peers, and says why for those that cannot be loaded. */
export async function loadPeers(): Promise<{
  peers: Contender[];
  missing: LeftOut[];
}> {
  const loaded: Contender[] = [];
  const missing: LeftOut[] = [];
  for (const { name, load } of peers) {
    try {
      loaded.push(await load());
    } catch (error) {
      missing.push({
        contender: name,
        why: error instanceof Error ? error.message : String(error),
      });
    }
  }
  return { peers: loaded, missing };
}
