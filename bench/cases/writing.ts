import type { BenchPage, Contender, IdKind } from '../contender.ts';
import { makeDocument } from '../harness/pages.ts';
import type { Sizes } from '../harness/sizes.ts';
import { checkIds } from './check.ts';
import { type ComparedTask, compare } from './compare.ts';
import { type CaseGroup, withParticipants } from './context.ts';

/** A new document's pages, recorded in one call, on one connection. */
export const writing: CaseGroup = async ({ place, sizes, contenders }) =>
  withParticipants(place, contenders, async (participants) => {
    let lastDocId = 0;
    const writeCase = async (
      id: string,
      title: string,
      kindOf: (contender: Contender) => IdKind,
      giveAs = (document: BenchPage[]) => document,
    ) => {
      const tasks = participants.map(({ contender, session }): ComparedTask => {
        const kind = kindOf(contender);
        const pages = writePages(contender, kind, sizes);
        return {
          contender: contender.name,
          pages,
          async prepare() {
            lastDocId += 1;
            await session.addDocuments([lastDocId]);
            const document = giveAs(makeDocument(kind, lastDocId, pages, sizes.idsPerPage));
            return () => session.writePages(document);
          },
        };
      });
      return compare(
        {
          id,
          title,
          place: place.kind,
          unit: 'pages/s',
          checkedIds: await checkWrites(kindOf),
          leftOut: [],
        },
        tasks,
        { rounds: sizes.writeRounds, executions: 1, budgetMs: sizes.budgetSeconds * 1_000 },
      );
    };

    /** Two pages written by each, read back where it can read them. */
    const checkWrites = async (kindOf: (contender: Contender) => IdKind) => {
      let checkedIds = 0;
      for (const participant of participants) {
        const { contender, session } = participant;
        lastDocId += 1;
        const kind = kindOf(contender);
        const document = makeDocument(kind, lastDocId, 2, sizes.idsPerPage);
        await session.addDocuments([lastDocId]);
        await session.writePages(document);
        if (kind === 'random' || contender.cannot.computedIds === undefined) {
          checkedIds = await checkIds(
            [participant],
            (reader) => reader.findByPages(document),
            document,
          );
        }
      }
      return checkedIds;
    };

    const ids = `pages of ${sizes.idsPerPage}`;
    return [
      await writeCase('write-random', `write ${ids} random ids`, () => 'random'),
      await writeCase('write-computed', `write ${ids} computed ids`, () => 'computed'),
      await writeCase(
        'write-parsed',
        `write ${ids} computed ids, parsed from JSON`,
        () => 'computed',
        (document) => JSON.parse(JSON.stringify(document)),
      ),
      await writeCase(
        'write-designed',
        `write ${ids} ids, computed or random as the design has them`,
        ({ designedFor }) => designedFor,
      ),
    ];
  });

function writePages({ stores }: Contender, kind: IdKind, sizes: Sizes): number {
  if (stores === 'rows') return sizes.writePagesAsRows;
  // Random ids make no runs.
  return stores === 'runs' && kind === 'computed'
    ? sizes.writePagesAsRuns
    : sizes.writePagesAsLists;
}
