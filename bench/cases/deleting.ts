import { ours, oursWithoutTriggers } from '../contenders/ours.ts';
import { makeDocument } from '../harness/pages.ts';
import { compare } from './compare.ts';
import { type CaseGroup, withParticipants } from './context.ts';

/** Deletes a document's pages, with the triggers that queue their ids as orphans and without. */
export const deleting: CaseGroup = async (context) =>
  withParticipants(context.backend, [ours, oursWithoutTriggers], async (participants) => {
    const { deletePages, idsPerPage, writeRounds } = context.sizes;
    let lastDocId = 0;
    const results = [];
    for (const kind of ['random', 'patch'] as const) {
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
          context,
          {
            id: `delete-${kind}`,
            title: `delete a document of ${deletePages} pages of ${idsPerPage} ${kind} ids`,
            unit: 'ms',
          },
          tasks,
          { rounds: writeRounds, executions: 1 },
        ),
      );
    }
    return results;
  });
