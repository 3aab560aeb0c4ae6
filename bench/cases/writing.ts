import type { Contender, IdKind } from '../contender.ts';
import { makeDocument } from '../harness/pages.ts';
import type { Sizes } from '../harness/sizes.ts';
import { checkIds } from './check.ts';
import { type ComparedTask, compare } from './compare.ts';
import { type CaseGroup, withParticipants } from './context.ts';

/** A new document's pages, recorded in one call, on one connection. */
export const writing: CaseGroup = async ({ place, sizes, contenders }) =>
  withParticipants(place, contenders, async (participants) => {
    let lastDocId = 0;
    const writeCase = async (kind: IdKind) => {
      const tasks = participants.map(({ contender, session }): ComparedTask => {
        const pages = writePages(contender, kind, sizes);
        return {
          contender: contender.name,
          pages,
          async prepare() {
            lastDocId += 1;
            await session.addDocuments([lastDocId]);
            const document = makeDocument(kind, lastDocId, pages, sizes.idsPerPage);
            return () => session.writePages(document);
          },
        };
      });
      return compare(
        {
          id: `write-${kind}`,
          title: `write pages of ${sizes.idsPerPage} ${kind} ids`,
          place: place.kind,
          unit: 'pages/s',
          checkedIds: await checkWrites(kind),
          leftOut: [],
        },
        tasks,
        { rounds: sizes.writeRounds, executions: 1, budgetMs: sizes.budgetSeconds * 1_000 },
      );
    };

    /** Two pages written by each, read back where it can read them. */
    const checkWrites = async (kind: IdKind) => {
      lastDocId += 1;
      const docId = lastDocId;
      const document = makeDocument(kind, docId, 2, sizes.idsPerPage);
      for (const { session } of participants) {
        await session.addDocuments([docId]);
        await session.writePages(document);
      }
      const readers = participants.filter(
        ({ contender }) => kind === 'random' || contender.cannot.computedIds === undefined,
      );
      return checkIds(readers, (session) => session.findByPages(document), document);
    };

    return [await writeCase('random'), await writeCase('computed')];
  });

function writePages({ stores }: Contender, kind: IdKind, sizes: Sizes): number {
  if (stores === 'rows') return sizes.writePagesAsRows;
  // Random ids make no runs.
  return stores === 'runs' && kind === 'computed'
    ? sizes.writePagesAsRuns
    : sizes.writePagesAsLists;
}
