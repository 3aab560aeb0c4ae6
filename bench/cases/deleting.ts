import { ours, oursWithoutTriggers } from '../contenders/ours.ts';
import { makeDocument } from '../harness/pages.ts';
import { compare } from './compare.ts';
import { type CaseGroup, withParticipants } from './context.ts';

/** A document's pages deleted, with the trigger that queues their ids for the purge and without it. */
export const deleting: CaseGroup = async ({ place, sizes }) =>
  withParticipants(place, [ours, oursWithoutTriggers], async (participants) => {
    const { deletePages, idsPerPage, writeRounds, budgetSeconds } = sizes;
    let lastDocId = 0;
    const results = [];
    for (const kind of ['random', 'computed'] as const) {
      const tasks = participants.map(({ contender, session }) => ({
        contender: contender.name,
        pages: deletePages,
        async prepare() {
          lastDocId += 1;
          const docId = lastDocId;
          await session.addDocuments([docId]);
          await session.writePages(makeDocument(kind, docId, deletePages, idsPerPage));
          return async () => session.deleteDocument?.(docId);
        },
      }));
      results.push(
        await compare(
          {
            id: `delete-${kind}`,
            title: `delete a document of ${deletePages} pages of ${idsPerPage} ${kind} ids`,
            place: place.kind,
            unit: 'ms',
            checkedIds: 0,
            leftOut: [],
          },
          tasks,
          { rounds: writeRounds, executions: 1, budgetMs: budgetSeconds * 1_000 },
        ),
      );
    }
    return results;
  });
