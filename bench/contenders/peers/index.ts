import type { Contender } from '../../contender.ts';
import type { RunResult } from '../../result.ts';

const peers: { name: string; load: () => Promise<Contender> }[] = [
  { name: 'Kysely', load: async () => (await import('./kysely.ts')).originalKysely },
  { name: 'TypeORM', load: async () => (await import('./typeorm.ts')).originalTypeorm },
  { name: 'Prisma', load: async () => (await import('./prisma/index.ts')).originalPrisma },
  { name: 'LangChain.js', load: async () => (await import('./langchain.ts')).langchain },
];

/** The peers that can be loaded here; of the others, why not. */
export async function loadPeers(): Promise<{
  peers: Contender[];
  missing: RunResult['missing'];
}> {
  const loaded: Contender[] = [];
  const missing: RunResult['missing'] = [];
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
