import type { Ability, BenchPage, IdKind, Session } from '../contender.ts';
import { makeDocument, makePage } from '../harness/pages.ts';
import { withClient } from '../harness/places.ts';
import { checkIds } from './check.ts';
import { compare } from './compare.ts';
import { type CaseGroup, divide, withParticipants } from './context.ts';

/** A page, a whole document, and pages here and there, with ids of either kind, as lists of strings. */
export const reading: CaseGroup = async ({ place, sizes, contenders }) => {
  const { idsPerPage, documentPages, pageReads, readRounds } = sizes;
  const docIds = { random: 1, computed: 2 };
  const documents = {
    random: makeDocument('random', docIds.random, documentPages, idsPerPage),
    computed: makeDocument('computed', docIds.computed, documentPages, idsPerPage),
  };
  // As many other documents, with a page of either kind.
  const otherDocIds = Array.from({ length: documentPages }, (_, index) => index + 3);
  const scattered = {
    random: otherDocIds.map((docId) => makePage('random', docId, 1, idsPerPage)),
    computed: otherDocIds.map((docId) => makePage('computed', docId, 2, idsPerPage)),
  };

  return withParticipants(place, contenders, async (participants) => {
    for (const { session, database } of participants) {
      await session.addDocuments([...Object.values(docIds), ...otherDocIds]);
      for (const pages of [...Object.values(documents), ...Object.values(scattered)]) {
        await session.writePages(pages);
      }
      if (place.kind === 'server') {
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
      return compare(
        {
          id,
          title,
          place: place.kind,
          unit: 'ms',
          checkedIds: await checkIds(able, read, pages),
          leftOut,
        },
        able.map(({ contender, session }) => ({
          contender: contender.name,
          pages: pages.length,
          prepare: async () => () => read(session),
        })),
        { rounds: readRounds, executions, budgetMs: sizes.budgetSeconds * 1_000 },
      );
    };

    const results = [];
    for (const kind of ['random', 'computed'] satisfies IdKind[]) {
      const ids = `${idsPerPage} ${kind} ids`;
      const abilities: Ability[] = kind === 'computed' ? ['computedIds'] : [];
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
          `read ${documentPages} pages of as many documents, ${ids} each`,
          scattered[kind],
          (session) => session.findByPages(scattered[kind]),
          { executions: 1, abilities },
        ),
      );
    }
    return results;
  });
};
