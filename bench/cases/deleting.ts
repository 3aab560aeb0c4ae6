import { ours, oursWithoutTriggers } from '../contenders/ours.ts';
import { asLists, makeDocument, pagesOf } from '../harness/pages.ts';
import { compare } from './compare.ts';
import { type CaseGroup, divide, withParticipants } from './context.ts';

/**
 * Deletes a document's pages, with the triggers that queue their ids as orphans and without. The other contenders,
 * which queue nothing, delete pages with one id.
 */
export const deleting: CaseGroup = async (context) =>
  withParticipants(
    context.backend,
    [...context.contenders, oursWithoutTriggers],
    async (participants) => {
      const { deletePages, idsPerPage, writeRounds } = context.sizes;
      const { able, leftOut } = divide(participants, ['deleteDocument']);
      const own = able.filter(({ contender }) =>
        [ours.name, oursWithoutTriggers.name].includes(contender.name),
      );
      let lastDocId = 0;
      const results = [];
      for (const kind of ['single', 'random', 'patch'] as const) {
        const tasks = (kind === 'single' ? able : own).map(({ contender, session }) => ({
          contender: contender.name,
          pages: deletePages,
          async prepare() {
            lastDocId += 1;
            const docId = lastDocId;
            await session.addDocuments([docId]);
            const document = makeDocument(kind, docId, deletePages, idsPerPage);
            await session.writePages(contender.takesPatches ? document : asLists(document));
            return async () => session.deleteDocument?.(docId);
          },
        }));
        results.push(
          await compare(
            context,
            {
              id: `delete-${kind}`,
              title: `delete a document of ${deletePages} ${pagesOf(kind, idsPerPage)}`,
              unit: 'ms',
              leftOut: kind === 'single' ? leftOut : [],
            },
            tasks,
            { rounds: writeRounds, executions: 1 },
          ),
        );
      }
      return results;
    },
  );
