import { type BenchPage, type Contender, type IdKind, layoutFor } from '../contender.ts';
import { asLists, makeDocument, pagesOf } from '../harness/pages.ts';
import type { Sizes } from '../harness/sizes.ts';
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
      giveAs: (document: BenchPage[], contender: Contender) => BenchPage[] = given,
    ) => {
      const tasks = participants.map(({ contender, session }): ComparedTask => {
        const kind = kindOf(contender);
        const pages = pagesPerWrite(contender, kind, sizes);
        return {
          contender: contender.name,
          pages,
          async prepare() {
            lastDocId += 1;
            await session.addDocuments([lastDocId]);
            const document = makeDocument(kind, lastDocId, pages, sizes.idsPerPage);
            const toWrite = giveAs(document, contender);
            return () => session.writePages(toWrite);
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
        if (kind !== 'patch' || contender.cannot.readPatchIds === undefined) {
          checkedIds = await checkIds(
            [participant],
            (reader) => reader.findByPages(document),
            document,
          );
        }
      }
      return checkedIds;
    };

    const ofKind = (kind: IdKind) => `write ${pagesOf(kind, sizes.idsPerPage)}`;
    return [
      await writeCase('write-single', ofKind('single'), () => 'single'),
      await writeCase('write-random', ofKind('random'), () => 'random'),
      await writeCase('write-patch', ofKind('patch'), () => 'patch'),
      await writeCase(
        'write-parsed',
        `${ofKind('patch')}, given as a list`,
        () => 'patch',
        asLists,
      ),
      await writeCase(
        'write-designed',
        `write pages of ${sizes.idsPerPage} ids of the kind each contender is designed for`,
        ({ designedFor }) => designedFor,
      ),
    ];
  });

/** The document as the contender takes it. Lists are made before the clock starts. */
function given(document: BenchPage[], { takesPatches }: Contender): BenchPage[] {
  return takesPatches ? document : asLists(document);
}

/** Enough pages to time, few enough that the slow contenders finish. */
export function pagesPerWrite(contender: Contender, kind: IdKind, sizes: Sizes): number {
  if (kind === 'single') return sizes.writePagesOfOneId;
  return {
    runs: sizes.writePagesAsRuns,
    lists: sizes.writePagesAsLists,
    rows: sizes.writePagesAsRows,
  }[layoutFor(contender, kind)];
}
