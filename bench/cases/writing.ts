import { type BenchPage, type Contender, type IdKind, layoutFor } from '../contender.ts';
import { makeDocument } from '../harness/pages.ts';
import { checkIds } from './check.ts';
import { type ComparedTask, compare } from './compare.ts';
import { type CaseGroup, withParticipants } from './context.ts';

/** Records a new document's pages in one call, on one connection. */
export const writing: CaseGroup = async (context) =>
  withParticipants(context.backend, context.contenders, async (participants) => {
    const { sizes } = context;
    let lastDocId = 0;
    const writeCase = async (
      id: string,
      title: string,
      kindOf: (contender: Contender) => IdKind,
      giveAs = (document: BenchPage[]) => document,
    ) => {
      const tasks = participants.map(({ contender, session }): ComparedTask => {
        const kind = kindOf(contender);
        const pages = {
          runs: sizes.writePagesAsRuns,
          lists: sizes.writePagesAsLists,
          rows: sizes.writePagesAsRows,
        }[layoutFor(contender, kind)];
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
        context,
        { id, title, unit: 'pages/s', checkedIds: await checkWrites(kindOf) },
        tasks,
        { rounds: sizes.writeRounds, executions: 1 },
      );
    };

    /** Makes every participant write two pages, and reads them back if it can read such ids. */
    const checkWrites = async (kindOf: (contender: Contender) => IdKind) => {
      let checkedIds = 0;
      for (const participant of participants) {
        const { contender, session } = participant;
        lastDocId += 1;
        const kind = kindOf(contender);
        const document = makeDocument(kind, lastDocId, 2, sizes.idsPerPage);
        await session.addDocuments([lastDocId]);
        await session.writePages(document);
        if (kind === 'random' || contender.cannot.readPatchIds === undefined) {
          checkedIds = await checkIds(
            [participant],
            (reader) => reader.findByPages(document),
            document,
          );
        }
      }
      return checkedIds;
    };

    const pagesOf = `pages of ${sizes.idsPerPage}`;
    return [
      await writeCase('write-random', `write ${pagesOf} random ids`, () => 'random'),
      await writeCase('write-patch', `write ${pagesOf} patch ids`, () => 'patch'),
      await writeCase(
        'write-parsed',
        `write ${pagesOf} patch ids parsed from JSON`,
        () => 'patch',
        (document) => JSON.parse(JSON.stringify(document)),
      ),
      await writeCase(
        'write-designed',
        `write ${pagesOf} ids of the kind each contender is designed for`,
        ({ designedFor }) => designedFor,
      ),
    ];
  });
