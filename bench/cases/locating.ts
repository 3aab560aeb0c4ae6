import { deepStrictEqual } from 'node:assert';
import { migrate, patchVectorId, type VectorLocation } from '../../src/index.ts';
import type { IdKind, Session } from '../contender.ts';
import { fillComputed, filledPage, pagesADocument } from '../harness/fill.ts';
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

/** From ids to their documents and pages, in one table with many pages of either kind. */
export const locating: CaseGroup = async (context) => {
  const { place, sizes, contenders } = context;
  const database = await place.create();
  const participants: Participant[] = [];
  try {
    await migrate({ url: database.url });
    await withClient(database.url, (client) =>
      fillComputed(client, {
        from: 0,
        to: sizes.locatePagesComputed,
        idsPerPage: sizes.idsPerPage,
      }),
    );
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
    const random = await addRandomPages(participants, sizes);
    if (place.kind === 'server') {
      await withClient(database.url, ({ run }) => run('vacuum analyze'));
    }

    const results: CaseResult[] = [];
    for (const request of requests) {
      const any = () => computedLocation(sizes);
      results.push(await locateCase(context, participants, leftOut, 'computed', request, any));
    }
    for (const request of requests) {
      const any = () => random[Math.floor(Math.random() * random.length)] as VectorLocation;
      results.push(await locateCase(context, participants, leftOut, 'random', request, any));
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
  kind: IdKind,
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
  const tasks = inTime.map(({ contender, session }) => ({
    contender: contender.name,
    pages: kind === 'computed' ? sizes.locatePagesComputed : sizes.locatePagesRandom,
    async prepare() {
      const locations = someLocations();
      return () => locate(session, locations);
    },
  }));
  return compare(
    {
      id: `locate-${ids}-${kind}`,
      title: `locate ${ids} ${kind} ${ids === 1 ? 'id' : 'ids'}`,
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

/** Adds pages of random ids behind the filled ones, and gives where some of their vectors are. */
async function addRandomPages(
  [writer]: readonly Participant[],
  { locatePagesComputed, locatePagesRandom, idsPerPage }: Sizes,
): Promise<VectorLocation[]> {
  const locations: VectorLocation[] = [];
  const firstDocId = filledPage(locatePagesComputed - 1).docId + 1;
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
