/**
 * The hits in the search responses of vector stores. These functions only read the response and need no client.
 *
 * In every hit, a higher score is better. If the store returns a similarity, that is the score. If it returns
 * `1 - similarity`, the score is the similarity again. From any other distance, the score is the negative distance.
 */
import { InvalidInputError } from '../errors.ts';
import { integer, requireArray, requireObject, requireOptions } from '../require.ts';
import { type Hit, type HitOptions, rowsOf, type StoreId, toHit } from './hits.ts';

/** The response of `search` or `query` of `@qdrant/js-client-rest`. */
export type QdrantResponse =
  | readonly { id: StoreId; score: number }[]
  | { points: readonly { id: StoreId; score: number }[] };

/**
 * Reads hits from Qdrant. `queryBatch` returns an array of responses: call this for each of them.
 *
 * @param options - `distance` is that of the collection. Qdrant returns a similarity for Cosine and Dot, and a distance
 *   for Euclid and Manhattan. {@defaultValue Cosine}
 * @throws {InvalidInputError} An argument is not valid.
 */
function qdrant(
  response: QdrantResponse,
  options: HitOptions & { distance?: 'Cosine' | 'Dot' | 'Euclid' | 'Manhattan' | undefined } = {},
): Hit[] {
  const { distance = 'Cosine', queryToken } = checkOptions(options, {
    distance: ['Cosine', 'Dot', 'Euclid', 'Manhattan'],
  });
  const isDistance = distance === 'Euclid' || distance === 'Manhattan';
  const isList = Array.isArray(response);
  if (!isList) requireObject(response, ['response']);
  const points = isList ? response : (response as { points: unknown }).points;
  return rowsOf(points, isList ? ['response'] : ['response', 'points']).map(({ row, path }) =>
    turned(
      toHit({ id: row['id'], score: row['score'], queryToken }, path),
      isDistance ? 'negative' : 'similarity',
    ),
  );
}

/**
 * Reads hits from LanceDB: the rows of `table.search(...).toArray()`. Rows of a search for several vectors have a
 * `query_index`, which becomes the query token.
 *
 * @param options - `distanceType` is that of the search: `l2` is a squared distance, `cosine` and `dot` are
 *   `1 - similarity`. {@defaultValue l2} `id` is the name of the column with the id. {@defaultValue id}
 * @throws {InvalidInputError} An argument is not valid.
 */
function lancedb(
  rows: readonly object[],
  options: HitOptions & {
    distanceType?: 'l2' | 'cosine' | 'dot' | undefined;
    id?: string | undefined;
  } = {},
): Hit[] {
  const {
    distanceType = 'l2',
    queryToken,
    id = 'id',
  } = checkOptions(options, {
    distanceType: ['l2', 'cosine', 'dot'],
  });
  return rowsOf(rows, ['response']).map(({ row, path }) => {
    const token = queryToken ?? row['query_index'];
    const paths = { id: [id], score: ['_distance'] };
    const hit = toHit({ id: row[id], score: row['_distance'], queryToken: token }, path, paths);
    return turned(hit, distanceType === 'l2' ? 'negative' : 'complement');
  });
}

/**
 * Reads hits from pgvector: the rows of a query that selects the id and the distance. A column `queryToken` or
 * `query_token` names the query token.
 *
 * @param options - `operator` is that of the query. The columns are `id` and `distance` unless you name others.
 * @throws {InvalidInputError} An argument is not valid.
 */
function pgvector(
  rows: readonly object[],
  options: HitOptions & {
    operator: '<=>' | '<#>' | '<->' | '<+>';
    id?: string | undefined;
    distance?: string | undefined;
  },
): Hit[] {
  const {
    operator,
    queryToken,
    id = 'id',
    distance = 'distance',
  } = checkOptions(options, {
    operator: ['<=>', '<#>', '<->', '<+>'],
  });
  if (operator === undefined) {
    throw new InvalidInputError(['options', 'operator'], 'must be <=>, <#>, <-> or <+>');
  }
  return rowsOf(rows, ['response']).map(({ row, path }) => {
    const token = queryToken ?? row['queryToken'] ?? row['query_token'];
    const paths = { id: [id], score: [distance] };
    const hit = toHit({ id: row[id], score: row[distance], queryToken: token }, path, paths);
    return turned(hit, operator === '<=>' ? 'complement' : 'negative');
  });
}

/** A result of `search` of `@zilliz/milvus2-sdk-node`. */
interface MilvusResult {
  id: StoreId;
  score: number;
  offset?: number | string | undefined;
}

/**
 * Reads hits from Milvus. In a search for several vectors, the position of a list of results becomes its query token.
 * The `offset` of a search in a struct array is the vector's position in the array.
 *
 * @param options - `metricType` is that of the search. Milvus returns similarities for `COSINE`, `IP` and their
 *   `MAX_SIM` forms, and distances for `L2`, `HAMMING` and `JACCARD`. {@defaultValue COSINE}
 * @throws {InvalidInputError} An argument is not valid.
 */
function milvus(
  response: { results: readonly MilvusResult[] | readonly (readonly MilvusResult[])[] },
  options: HitOptions & { metricType?: string | undefined } = {},
): Hit[] {
  const { metricType = 'COSINE', queryToken } = checkOptions(options, {});
  const isDistance = /L2|HAMMING|JACCARD/i.test(metricType);
  requireObject(response, ['response']);
  const { results } = response;
  requireArray(results, ['response', 'results']);
  const isBatch = Array.isArray(results[0]);
  const lists = isBatch ? results : [results];
  return lists.flatMap((list, index) =>
    rowsOf(list, isBatch ? ['response', 'results', index] : ['response', 'results']).map(
      ({ row, path }) => {
        const { id, score, offset } = row;
        const token = isBatch ? (queryToken ?? 0) + index : queryToken;
        const hit = toHit({ id, score, offset, queryToken: token }, path);
        return turned(hit, isDistance ? 'negative' : 'similarity');
      },
    ),
  );
}

/**
 * Reads hits from Weaviate: what `collection.query.nearVector` or `hybrid` of `weaviate-client` returns. Ask for
 * `returnMetadata: ['distance']`, or `['score']` with `hybrid`.
 *
 * @param options - `distance` is that of the collection: `cosine` is `1 - similarity`, `dot` is the negative dot
 *   product, and the others are distances. {@defaultValue cosine}
 * @throws {InvalidInputError} An argument is not valid.
 */
function weaviate(
  response: {
    objects: readonly {
      uuid: string;
      metadata?: { distance?: number | undefined; score?: number | undefined } | undefined;
    }[];
  },
  options: HitOptions & {
    distance?: 'cosine' | 'dot' | 'l2-squared' | 'manhattan' | 'hamming' | undefined;
  } = {},
): Hit[] {
  const { distance = 'cosine', queryToken } = checkOptions(options, {
    distance: ['cosine', 'dot', 'l2-squared', 'manhattan', 'hamming'],
  });
  requireObject(response, ['response']);
  return rowsOf(response.objects, ['response', 'objects']).map(({ row, path }) => {
    const metadata = (row['metadata'] ?? {}) as { distance?: unknown; score?: unknown };
    const hasDistance = metadata.distance !== undefined;
    const score = hasDistance ? metadata.distance : metadata.score;
    const paths = { id: ['uuid'], score: ['metadata', hasDistance ? 'distance' : 'score'] };
    const hit = toHit({ id: row['uuid'], score, queryToken }, path, paths);
    if (!hasDistance) return hit;
    return turned(hit, distance === 'cosine' ? 'complement' : 'negative');
  });
}

/**
 * Reads hits from Vespa: the JSON of its search API. The score is the relevance of the rank profile.
 *
 * @param options - `id` is a summary field with the vector's id. {@defaultValue the last part of the document's id}
 *   If the match features of the rank profile contain `closest(field)`, set `closest` to the name of that field. The
 *   label of the closest vector then becomes the hit's offset.
 * @throws {InvalidInputError} An argument is not valid.
 */
function vespa(
  response: {
    root: {
      children?: readonly {
        id?: string | undefined;
        relevance: number;
        fields?: Record<string, unknown> | undefined;
      }[];
    };
  },
  options: HitOptions & { id?: string | undefined; closest?: string | undefined } = {},
): Hit[] {
  const { queryToken, id, closest } = checkOptions(options, {});
  requireObject(response, ['response']);
  requireObject(response.root, ['response', 'root']);
  // A search without hits has no children.
  const children = response.root.children ?? [];
  return rowsOf(children, ['response', 'root', 'children']).map(({ row, path }) => {
    const fields = (row['fields'] ?? {}) as Record<string, unknown>;
    const documentId = String(fields['documentid'] ?? row['id'] ?? '');
    return toHit(
      {
        id: id === undefined ? documentId.replace(/^id:.*?::/, '') : fields[id],
        score: row['relevance'],
        offset: closest === undefined ? undefined : labelOfClosest(fields, closest),
        queryToken,
      },
      path,
      { id: id === undefined ? ['id'] : ['fields', id], score: ['relevance'] },
    );
  });
}

/** The label in `"closest(field)": { "type": "tensor<float>(p{})", "cells": { "3": 1.0 } }`. */
function labelOfClosest(fields: Record<string, unknown>, field: string): unknown {
  const features = (fields['matchfeatures'] ?? {}) as Record<
    string,
    { cells?: object } | undefined
  >;
  return Object.keys(features[`closest(${field})`]?.cells ?? {})[0];
}

/**
 * Reads hits from Pinecone: what `index.query` returns.
 *
 * @param options - `metric` is that of the index. For `euclidean`, Pinecone returns a distance. {@defaultValue cosine}
 * @throws {InvalidInputError} An argument is not valid.
 */
function pinecone(
  response: { matches: readonly { id: string; score?: number | undefined }[] },
  options: HitOptions & { metric?: 'cosine' | 'dotproduct' | 'euclidean' | undefined } = {},
): Hit[] {
  const { metric, queryToken } = checkOptions(options, {
    metric: ['cosine', 'dotproduct', 'euclidean'],
  });
  requireObject(response, ['response']);
  return rowsOf(response.matches, ['response', 'matches']).map(({ row, path }) => {
    const hit = toHit({ id: row['id'], score: row['score'], queryToken }, path);
    return turned(hit, metric === 'euclidean' ? 'negative' : 'similarity');
  });
}

/**
 * Reads hits from Chroma: what `collection.query` returns. The position of a query embedding becomes the query token.
 *
 * @param options - `space` is that of the collection: `l2` is a squared distance, `cosine` and `ip` are
 *   `1 - similarity`. {@defaultValue l2}
 * @throws {InvalidInputError} An argument is not valid.
 */
function chroma(
  response: {
    ids: readonly (readonly string[])[];
    distances?: readonly (readonly (number | null)[])[] | null | undefined;
  },
  options: HitOptions & { space?: 'l2' | 'cosine' | 'ip' | undefined } = {},
): Hit[] {
  const { space = 'l2', queryToken } = checkOptions(options, { space: ['l2', 'cosine', 'ip'] });
  requireObject(response, ['response']);
  const { ids, distances } = response;
  requireArray(ids, ['response', 'ids']);
  requireArray(distances, ['response', 'distances']);
  return ids.flatMap((list, query) => {
    requireArray(list, ['response', 'ids', query]);
    const found = distances[query];
    requireArray(found, ['response', 'distances', query]);
    return list.map((id, index) => {
      const token = (queryToken ?? 0) + query;
      const parts = { id, score: found[index], queryToken: token };
      const paths = { id: ['ids', query, index], score: ['distances', query, index] };
      const hit = toHit(parts, ['response'], paths);
      return turned(hit, space === 'l2' ? 'negative' : 'complement');
    });
  });
}

/** Reads hits from the search response of a store. There is one function for each store. */
export const hitsFrom = { qdrant, lancedb, pgvector, milvus, weaviate, vespa, pinecone, chroma };

/** What a store returned: a similarity, `1 - similarity`, or another distance, whose negative is the score. */
type Meaning = 'similarity' | 'complement' | 'negative';

function turned(hit: Hit, meaning: Meaning): Hit {
  if (meaning === 'similarity') return hit;
  return { ...hit, score: meaning === 'complement' ? 1 - hit.score : -hit.score };
}

function checkOptions<Options extends HitOptions>(
  options: Options,
  choices: Partial<Record<keyof Options, readonly string[]>>,
): Options {
  requireOptions(options, { queryToken: integer({ min: 0 }) });
  for (const [name, allowed] of Object.entries(choices) as [string, readonly string[]][]) {
    const value: unknown = options[name as keyof Options];
    if (value === undefined || allowed.includes(value as string)) continue;
    throw new InvalidInputError(['options', name], `must be one of ${allowed.join(', ')}`);
  }
  return options;
}
