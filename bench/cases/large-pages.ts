import { deepStrictEqual } from 'node:assert';
import { patchVectorId, type VectorLocation } from '../../src/index.ts';
import { ours } from '../contenders/ours.ts';
import { withClient } from '../harness/backends.ts';
import { makeDocument } from '../harness/pages.ts';
import { randomBelow } from '../harness/random.ts';
import type { CaseResult } from '../result.ts';
import { compare } from './compare.ts';
import { type CaseContext, type CaseGroup, type Participant, withParticipants } from './context.ts';
import { countBytes } from './storing.ts';

/** How many vectors the largest models make of a page. */
const idsPerPage = [8_580, 16_384];

const locatedIds = 1_000;

/**
 * Writes, counts and locates pages with very many patch ids. Only the package takes part: a list of as many ids takes
 * more than half a megabyte.
 */
export const largePages: CaseGroup = async (context) =>
  withParticipants(context.backend, [ours], async ([participant]) => {
    const results: CaseResult[] = [];
    for (const count of idsPerPage) {
      results.push(...(await casesOf(context, participant as Participant, count)));
    }
    return results;
  });

async function casesOf(
  context: CaseContext,
  { contender, session, database }: Participant,
  count: number,
): Promise<CaseResult[]> {
  const { sizes, backend } = context;
  const { largePages: pages, writeRounds, readRounds } = sizes;
  const firstDocId = count;
  let docId = firstDocId;
  const write = {
    contender: contender.name,
    pages,
    async prepare() {
      docId += 1;
      await session.addDocuments([docId]);
      const document = makeDocument('patch', docId, pages, count);
      return () => session.writePages(document);
    },
  };
  const anyLocation = (): VectorLocation => {
    const place = { docId: docId - randomBelow(2), page: 1 + randomBelow(pages) };
    const patch = randomBelow(count);
    return { vectorId: patchVectorId({ ...place, patch }), ...place, patch };
  };
  const someLocations = () => Array.from({ length: locatedIds }, anyLocation);
  const locateAll = (locations: readonly VectorLocation[]) =>
    session.locate?.(locations.map(({ vectorId }) => vectorId)) ?? Promise.resolve([]);
  const locate = {
    contender: contender.name,
    pages,
    async prepare() {
      const locations = someLocations();
      return () => locateAll(locations);
    },
  };

  const title = `pages of ${count} patch ids`;
  const written = await compare(
    context,
    { id: `write-large-${count}`, title: `write ${title}`, unit: 'pages/s' },
    [write],
    { rounds: writeRounds, executions: 1 },
  );
  const expected = someLocations();
  deepStrictEqual(await locateAll(expected), expected, 'other locations than were written');
  const located = await compare(
    context,
    {
      id: `locate-large-${count}`,
      title: `locate ${locatedIds} ids in ${title}`,
      unit: 'ms',
      checkedIds: locatedIds,
    },
    [locate],
    { rounds: readRounds, executions: 1 },
  );
  if (backend.kind === 'pglite') return [written, located];
  await withClient(database.url, async ({ query }) => {
    const [row] = await query<{ indexed: number }>(
      `select count(*)::integer as indexed from vectors
      where not vectors_has_own_ids(doc_id, page, vector_ids)`,
    );
    deepStrictEqual(row?.indexed, 0, 'pages are in the index');
  });
  const pagesOfThisSize = { kind: 'patch', id: `large-${count}`, idsPerPage: count } as const;
  const stored = await countBytes(context, [ours], pagesOfThisSize);
  return [written, located, ...stored];
}
