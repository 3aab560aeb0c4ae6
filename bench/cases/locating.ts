import { deepStrictEqual } from 'node:assert';
import { migrate, patchVectorId, type VectorLocation } from '../../src/index.ts';
import type { Session } from '../contender.ts';
import type { SqlClient } from '../contenders/sql-client.ts';
import { withClient } from '../harness/backends.ts';
import { filledPage, fillOneRandomId, fillPatchIds, pagesPerDocument } from '../harness/fill.ts';
import { makeDocument } from '../harness/pages.ts';
import { randomBelow, randomItem } from '../harness/random.ts';
import type { Sizes } from '../harness/sizes.ts';
import type { CaseResult, LeftOut } from '../result.ts';
import { compare } from './compare.ts';
import { type CaseContext, type CaseGroup, divide, type Participant } from './context.ts';

/** Ids per call, and calls per round. */
const requests = [
  { ids: 1, executions: 20 },
  { ids: 100, executions: 5 },
  { ids: 1_000, executions: 1 },
];

/** Ids sampled from each page full of random ids. */
const sampledIdsPerPage = 20;

/** Ids sampled from the pages with one random id. */
const sampledSingleIds = 20_000;

/** Ids of the same kind, in pages of the same shape. */
interface Searched {
  id: 'patch' | 'single' | 'random';
  kind: 'patch' | 'random';
  /** Ids in each page, if the title has to say it. */
  perPage?: string;
  /** Pages of this shape in the table. */
  pages: number;
  anyLocation(): VectorLocation;
}

/**
 * Finds the pages of ids, in one table with many pages of patch ids, many pages with one random id,
 * and some pages full of random ids.
 */
export const locating: CaseGroup = async (context) => {
  const { backend, sizes, contenders } = context;
  const database = await backend.create();
  const participants: Participant[] = [];
  try {
    await migrate({ url: database.url });
    const firstSingle = sizes.locatePatchPages;
    const firstRandom = firstSingle + sizes.locateSinglePages;
    const single = await withClient(database.url, async (client) => {
      const { idsPerPage } = sizes;
      await fillPatchIds(client, { from: 0, to: firstSingle, idsPerPage });
      await fillOneRandomId(client, { from: firstSingle, to: firstRandom });
      return sampleSingles(client, sizes);
    });
    const { able, leftOut } = divide(
      contenders.map((contender) => ({ contender })),
      ['locate'],
    );
    for (const { contender } of able) {
      if (backend.kind === 'pglite' && participants.length > 0) {
        leftOut.push({
          contender: contender.name,
          why: 'the package has the PGlite database open, which allows one client at a time',
        });
      } else {
        const url =
          backend.kind === 'server'
            ? `${database.url}?statement_timeout=${sizes.statementSeconds * 1_000}`
            : database.url;
        participants.push({ contender, database, session: await contender.open(url) });
      }
    }
    const random = await addRandomPages(participants, filledPage(firstRandom - 1).docId + 1, sizes);
    if (backend.kind === 'server') {
      await withClient(database.url, ({ run }) => run('vacuum analyze'));
    }

    const results: CaseResult[] = [];
    for (const searched of searchedIn(sizes, { single, random })) {
      for (const request of requests) {
        results.push(await locateCase(context, participants, leftOut, searched, request));
      }
    }
    return results;
  } finally {
    for (const { session } of participants) await session.close();
    await database.drop();
  }
};

function searchedIn(
  sizes: Sizes,
  samples: { single: readonly VectorLocation[]; random: readonly VectorLocation[] },
): Searched[] {
  return [
    {
      id: 'patch',
      kind: 'patch',
      pages: sizes.locatePatchPages,
      anyLocation: () => patchLocation(sizes),
    },
    {
      id: 'single',
      kind: 'random',
      perPage: 'one',
      pages: sizes.locateSinglePages,
      anyLocation: () => randomItem(samples.single),
    },
    {
      id: 'random',
      kind: 'random',
      perPage: `${sizes.idsPerPage}`,
      pages: sizes.locateRandomPages,
      anyLocation: () => randomItem(samples.random),
    },
  ];
}

async function locateCase(
  context: CaseContext,
  participants: readonly Participant[],
  leftOut: readonly LeftOut[],
  searched: Searched,
  { ids, executions }: (typeof requests)[number],
): Promise<CaseResult> {
  const { kind, perPage } = searched;
  const divided = divide(participants, kind === 'patch' ? ['readPatchIds'] : []);
  const someLocations = () => Array.from({ length: ids }, searched.anyLocation);
  const expected = someLocations();
  const inTime: Participant[] = [];
  const tooSlow: LeftOut[] = [];
  for (const participant of divided.able) {
    const { name } = participant.contender;
    try {
      const found = await locate(participant.session, expected);
      deepStrictEqual(found, expected, `${name} finds other locations than were written`);
      inTime.push(participant);
    } catch (error) {
      if (!isCanceled(error)) throw error;
      tooSlow.push({
        contender: name,
        why: `one call takes longer than ${context.sizes.statementSeconds} s`,
      });
    }
  }
  const tasks = inTime.map(({ contender, session }) => ({
    contender: contender.name,
    pages: searched.pages,
    async prepare() {
      const locations = someLocations();
      return () => locate(session, locations);
    },
  }));
  return compare(
    context,
    {
      id: `locate-${ids}-${searched.id}`,
      title: `locate ${ids} ${kind} ${ids === 1 ? 'id' : 'ids'}${perPage ? `, ${perPage} per page` : ''}`,
      unit: 'ms',
      checkedIds: ids,
      leftOut: [...leftOut, ...divided.leftOut, ...tooSlow],
    },
    tasks,
    { rounds: context.sizes.readRounds, executions },
  );
}

/** Whether the server canceled the statement, because it exceeded `statement_timeout`. */
function isCanceled(error: unknown): boolean {
  const { code, sqlState } = Object(error);
  return code === '57014' || sqlState === '57014';
}

async function locate(session: Session, locations: readonly VectorLocation[]) {
  return session.locate?.(locations.map(({ vectorId }) => vectorId));
}

/** A random vector of the pages with patch ids. */
function patchLocation({ locatePatchPages, idsPerPage }: Sizes): VectorLocation {
  const { docId, page } = filledPage(randomBelow(locatePatchPages));
  const patch = randomBelow(idsPerPage);
  return { vectorId: patchVectorId({ docId, page, patch }), docId, page, patch };
}

async function sampleSingles(
  { query }: SqlClient,
  { locateSinglePages }: Sizes,
): Promise<VectorLocation[]> {
  return query<VectorLocation>(
    `select vector_ids ->> 0 as "vectorId", doc_id as "docId", page, 0 as patch
    from vectors where jsonb_typeof(vector_ids -> 0) = 'string'
    order by md5(vector_ids::text) limit $1`,
    [Math.min(sampledSingleIds, locateSinglePages)],
  );
}

/** Adds documents of pages full of random ids, and returns the locations of some of the ids. */
async function addRandomPages(
  [writer]: readonly Participant[],
  firstDocId: number,
  { locateRandomPages, idsPerPage }: Sizes,
): Promise<VectorLocation[]> {
  const locations: VectorLocation[] = [];
  for (let written = 0; written < locateRandomPages; written += pagesPerDocument) {
    const docId = firstDocId + written / pagesPerDocument;
    const pages = Math.min(pagesPerDocument, locateRandomPages - written);
    const document = makeDocument('random', docId, pages, idsPerPage);
    await writer?.session.addDocuments([docId]);
    await writer?.session.writePages(document);
    for (const { page, vectorIds } of document) {
      for (let count = 0; count < sampledIdsPerPage; count += 1) {
        const patch = randomBelow(vectorIds.length);
        locations.push({ vectorId: vectorIds[patch] as string, docId, page, patch });
      }
    }
  }
  return locations;
}
