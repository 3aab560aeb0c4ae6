import type { Ability, BenchPage, IdKind, Session } from '../contender.ts';
import { withClient } from '../harness/backends.ts';
import { makeDocument, makePage, pagesOf } from '../harness/pages.ts';
import { checkIds } from './check.ts';
import { compare } from './compare.ts';
import { type CaseGroup, divide, withParticipants } from './context.ts';

/** Reads a page, a whole document, and one page from each of many documents. */
export const reading: CaseGroup = async (context) => {
  const { backend, sizes, contenders } = context;
  const { idsPerPage, documentPages, pageReads, readRounds } = sizes;
  const kinds = ['single', 'random', 'patch'] as const satisfies IdKind[];
  const otherDocIds = Array.from({ length: documentPages }, (_, index) => index + 1 + kinds.length);
  const samples = kinds.map((kind, index) => ({
    kind,
    docId: index + 1,
    document: makeDocument(kind, index + 1, documentPages, idsPerPage),
    scattered: otherDocIds.map((docId) => makePage(kind, docId, index + 1, idsPerPage)),
  }));

  return withParticipants(backend, contenders, async (participants) => {
    for (const { session, database } of participants) {
      await session.addDocuments([...samples.map(({ docId }) => docId), ...otherDocIds]);
      for (const { document, scattered } of samples) {
        await session.writePages(document);
        await session.writePages(scattered);
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
    for (const { kind, docId, document, scattered } of samples) {
      const pages = pagesOf(kind, idsPerPage);
      const abilities: Ability[] = kind === 'patch' ? ['readPatchIds'] : [];
      results.push(
        await readCase(
          `read-page-${kind}`,
          `read one of ${documentPages} ${pages}`,
          document.slice(-1),
          async (session) => [await session.findByPage(docId, documentPages)],
          { executions: pageReads, abilities },
        ),
        await readCase(
          `read-document-${kind}`,
          `read a document of ${documentPages} ${pages}`,
          document,
          (session) => session.findByDocument?.(docId) ?? Promise.resolve([]),
          { executions: 3, abilities: [...abilities, 'findByDocument'] },
        ),
        await readCase(
          `read-scattered-${kind}`,
          `read ${documentPages} ${pages}, each from another document`,
          scattered,
          (session) => session.findByPages(scattered),
          { executions: 3, abilities },
        ),
      );
    }
    return results;
  });
};
