import { deepStrictEqual } from 'node:assert';
import { migrate, patchVectorId, type VectorLocation } from '../../src/index.ts';
import type { Session } from '../contender.ts';
import type { SqlClient } from '../contenders/sql-client.ts';
import { fillComputed, filledPage, fillSingle, pagesADocument } from '../harness/fill.ts';
import { makeDocument } from '../harness/pages.ts';
import { withClient } from '../harness/places.ts';
import type { Sizes } from '../harness/sizes.ts';
import type { CaseResult } from '../result.ts';
import { compare } from './compare.ts';
import { type CaseContext, type CaseGroup, divide, type Participant } from './context.ts';

/** Ids asked for at a time, and how often in a round. */
const requests = [
  { ids: 1, executions: 20 },
  { ids: 100, executions: 5 },
  { ids: 1_000, executions: 1 },
];

/** Of each page of random ids so many are remembered, to be asked for. */
const rememberedIdsAPage = 20;

/** Of the pages with one id so many are asked for. */
const rememberedSingles = 20_000;

/** What is searched: computed ids, random ids that have a page to themselves, or that fill pages. */
type SearchedKind = 'computed' | 'single' | 'random';

const searched: Record<SearchedKind, string> = {
  computed: 'computed',
  single: 'random, one a page',
  random: 'random, many a page',
};

/** From ids to their documents and pages, in one table with many pages of each kind. */
export const locating: CaseGroup = async (context) => {
  const { place, sizes, contenders } = context;
  const database = await place.create();
  const participants: Participant[] = [];
  try {
    await migrate({ url: database.url });
    const firstSingle = sizes.locatePagesComputed;
    const firstRandom = firstSingle + sizes.locatePagesSingle;
    const single = await withClient(database.url, async (client) => {
      const { idsPerPage } = sizes;
      await fillComputed(client, { from: 0, to: firstSingle, idsPerPage });
      await fillSingle(client, { from: firstSingle, to: firstRandom });
      return someSingles(client, sizes);
    });
    const { able, leftOut } = divide(
      contenders.map((contender) => ({ contender })),
      ['locate'],
    );
    for (const { contender } of able) {
      if (place.kind === 'pglite' && participants.length > 0) {
        leftOut.push({
          contender: contender.name,
          why: 'PGlite lets one at a time use a database',
        });
      } else {
        const url =
          place.kind === 'server'
            ? `${database.url}?statement_timeout=${sizes.statementSeconds * 1_000}`
            : database.url;
        participants.push({ contender, database, session: await contender.open(url) });
      }
    }
    const random = await addRandomPages(participants, filledPage(firstRandom - 1).docId + 1, sizes);
    if (place.kind === 'server') {
      await withClient(database.url, ({ run }) => run('vacuum analyze'));
    }

    const anyOf = (locations: readonly VectorLocation[]) => () =>
      locations[Math.floor(Math.random() * locations.length)] as VectorLocation;
    const anyLocation: Record<SearchedKind, () => VectorLocation> = {
      computed: () => computedLocation(sizes),
      single: anyOf(single),
      random: anyOf(random),
    };
    const results: CaseResult[] = [];
    for (const kind of ['computed', 'single', 'random'] as const) {
      for (const request of requests) {
        const any = anyLocation[kind];
        results.push(await locateCase(context, participants, leftOut, kind, request, any));
      }
    }
    return results;
  } finally {
    for (const { session } of participants) await session.close();
    await database.drop();
  }
};

async function locateCase(
  { place, sizes }: CaseContext,
  participants: readonly Participant[],
  leftOut: CaseResult['leftOut'],
  kind: SearchedKind,
  { ids, executions }: (typeof requests)[number],
  anyLocation: () => VectorLocation,
): Promise<CaseResult> {
  const divided = divide(participants, kind === 'computed' ? ['computedIds'] : []);
  const someLocations = () => Array.from({ length: ids }, anyLocation);
  const expected = someLocations();
  const inTime: Participant[] = [];
  const tooSlow: CaseResult['leftOut'] = [];
  for (const participant of divided.able) {
    const { name } = participant.contender;
    try {
      const found = await locate(participant.session, expected);
      deepStrictEqual(found, expected, `${name} finds ids elsewhere`);
      inTime.push(participant);
    } catch (error) {
      if (!isCancelled(error)) throw error;
      tooSlow.push({ contender: name, why: `takes more than ${sizes.statementSeconds} s` });
    }
  }
  const pagesOf: Record<SearchedKind, number> = {
    computed: sizes.locatePagesComputed,
    single: sizes.locatePagesSingle,
    random: sizes.locatePagesRandom,
  };
  const tasks = inTime.map(({ contender, session }) => ({
    contender: contender.name,
    pages: pagesOf[kind],
    async prepare() {
      const locations = someLocations();
      return () => locate(session, locations);
    },
  }));
  return compare(
    {
      id: `locate-${ids}-${kind}`,
      title: `locate ${ids} ${ids === 1 ? 'id' : 'ids'}, ${searched[kind]}`,
      place: place.kind,
      unit: 'ms',
      checkedIds: ids,
      leftOut: [...leftOut, ...divided.leftOut, ...tooSlow],
    },
    tasks,
    { rounds: sizes.readRounds, executions, budgetMs: sizes.budgetSeconds * 1_000 },
  );
}

/** Whether the server gave up, after the time that it was given for a statement. */
function isCancelled(error: unknown): boolean {
  const { code, sqlState } = Object(error);
  return code === '57014' || sqlState === '57014';
}

async function locate(session: Session, locations: readonly VectorLocation[]) {
  return session.locate?.(locations.map(({ vectorId }) => vectorId));
}

/** Any vector of the filled pages. */
function computedLocation({ locatePagesComputed, idsPerPage }: Sizes): VectorLocation {
  const { docId, page } = filledPage(Math.floor(Math.random() * locatePagesComputed));
  const patch = Math.floor(Math.random() * idsPerPage);
  return { vectorId: patchVectorId({ docId, page, patch }), docId, page, patch };
}

/** Where some of the vectors are that have a page to themselves. */
async function someSingles(
  { query }: SqlClient,
  { locatePagesSingle }: Sizes,
): Promise<VectorLocation[]> {
  return query<VectorLocation>(
    `select vector_ids ->> 0 as "vectorId", doc_id as "docId", page, 0 as patch
    from vectors where jsonb_typeof(vector_ids -> 0) = 'string'
    order by md5(vector_ids::text) limit $1`,
    [Math.min(rememberedSingles, locatePagesSingle)],
  );
}

/** Adds pages of random ids behind the filled ones, and gives where some of their vectors are. */
async function addRandomPages(
  [writer]: readonly Participant[],
  firstDocId: number,
  { locatePagesRandom, idsPerPage }: Sizes,
): Promise<VectorLocation[]> {
  const locations: VectorLocation[] = [];
  for (let written = 0; written < locatePagesRandom; written += pagesADocument) {
    const docId = firstDocId + written / pagesADocument;
    const pages = Math.min(pagesADocument, locatePagesRandom - written);
    const document = makeDocument('random', docId, pages, idsPerPage);
    await writer?.session.addDocuments([docId]);
    await writer?.session.writePages(document);
    for (const { page, vectorIds } of document) {
      for (let count = 0; count < rememberedIdsAPage; count += 1) {
        const patch = Math.floor(Math.random() * vectorIds.length);
        locations.push({ vectorId: vectorIds[patch] as string, docId, page, patch });
      }
    }
  }
  return locations;
}
