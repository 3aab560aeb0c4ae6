import type { Ability, BenchPage, Session } from '../contender.ts';
import { withClient } from '../harness/backends.ts';
import { makeDocument, makePage } from '../harness/pages.ts';
import { checkIds } from './check.ts';
import { compare } from './compare.ts';
import { type CaseGroup, divide, withParticipants } from './context.ts';

/** Reads a page, a whole document, and one page from each of many documents. */
export const reading: CaseGroup = async (context) => {
  const { backend, sizes, contenders } = context;
  const { idsPerPage, documentPages, pageReads, readRounds } = sizes;
  const docIds = { random: 1, patch: 2 };
  const documents = {
    random: makeDocument('random', docIds.random, documentPages, idsPerPage),
    patch: makeDocument('patch', docIds.patch, documentPages, idsPerPage),
  };
  const otherDocIds = Array.from({ length: documentPages }, (_, index) => index + 3);
  const scattered = {
    random: otherDocIds.map((docId) => makePage('random', docId, 1, idsPerPage)),
    patch: otherDocIds.map((docId) => makePage('patch', docId, 2, idsPerPage)),
  };

  return withParticipants(backend, contenders, async (participants) => {
    for (const { session, database } of participants) {
      await session.addDocuments([...Object.values(docIds), ...otherDocIds]);
      for (const pages of [...Object.values(documents), ...Object.values(scattered)]) {
        await session.writePages(pages);
      }
      if (backend.kind === 'server') {
        await withClient(database.url, ({ run }) => run('vacuum analyze'));
      }
    }

    const readCase = async (
      id: string,
      title: string,
      pages: readonly BenchPage[],
      read: (session: Session) => Promise<string[][]>,
      { executions, abilities }: { executions: number; abilities: Ability[] },
    ) => {
      const { able, leftOut } = divide(participants, abilities);
      const checkedIds = await checkIds(able, read, pages);
      return compare(
        context,
        { id, title, unit: 'ms', checkedIds, leftOut },
        able.map(({ contender, session }) => ({
          contender: contender.name,
          pages: pages.length,
          prepare: async () => () => read(session),
        })),
        { rounds: readRounds, executions },
      );
    };

    const results = [];
    for (const kind of ['random', 'patch'] as const) {
      const ids = `${idsPerPage} ${kind} ids`;
      const abilities: Ability[] = kind === 'patch' ? ['readPatchIds'] : [];
      const docId = docIds[kind];
      const page = documents[kind].slice(-1);
      results.push(
        await readCase(
          `read-page-${kind}`,
          `read a page of ${ids}`,
          page,
          async (session) => [await session.findByPage(docId, documentPages)],
          { executions: pageReads, abilities },
        ),
        await readCase(
          `read-document-${kind}`,
          `read a document of ${documentPages} pages of ${ids}`,
          documents[kind],
          (session) => session.findByDocument?.(docId) ?? Promise.resolve([]),
          { executions: 1, abilities: [...abilities, 'findByDocument'] },
        ),
        await readCase(
          `read-scattered-${kind}`,
          `read ${documentPages} pages of ${ids}, each from another document`,
          scattered[kind],
          (session) => session.findByPages(scattered[kind]),
          { executions: 1, abilities },
        ),
      );
    }
    return results;
  });
};
