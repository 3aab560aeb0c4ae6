import { describe, expect, test } from 'vitest';
import { type Hit, hitsFrom } from '../../../src/page/index.ts';
import { expectInvalid } from '../../support/expect-invalid.ts';

test.each<[string, () => Hit[], Hit[]]>([
  [
    'Qdrant: query, with similarities',
    () => hitsFrom.qdrant({ points: [{ id: 'a', score: 0.9 }] }),
    [{ vectorId: 'a', score: 0.9 }],
  ],
  [
    'Qdrant: search, with distances and integer ids',
    () => hitsFrom.qdrant([{ id: 7, score: 0.25 }], { distance: 'Euclid', queryToken: 2 }),
    [{ vectorId: '7', score: -0.25, queryToken: 2 }],
  ],
  [
    'LanceDB: squared distances, of several queries',
    () => hitsFrom.lancedb([{ id: 7n, _distance: 2, query_index: 1 }]),
    [{ vectorId: '7', score: -2, queryToken: 1 }],
  ],
  [
    'LanceDB: cosine distances, with another column for the id',
    () =>
      hitsFrom.lancedb([{ point: 'a', _distance: 0.25 }], { distanceType: 'cosine', id: 'point' }),
    [{ vectorId: 'a', score: 0.75 }],
  ],
  [
    'pgvector: cosine distances as text',
    () => hitsFrom.pgvector([{ id: 'a', distance: '0.25', query_token: 3 }], { operator: '<=>' }),
    [{ vectorId: 'a', score: 0.75, queryToken: 3 }],
  ],
  [
    'pgvector: negative inner products',
    () => hitsFrom.pgvector([{ id: 'a', d: -0.5 }], { operator: '<#>', distance: 'd' }),
    [{ vectorId: 'a', score: 0.5 }],
  ],
  [
    'pgvector: other distances',
    () => hitsFrom.pgvector([{ id: 'a', distance: 2 }], { operator: '<->', queryToken: 0 }),
    [{ vectorId: 'a', score: -2, queryToken: 0 }],
  ],
  [
    'Milvus: one query, with the offset in a struct array',
    () => hitsFrom.milvus({ results: [{ id: 'a', score: 0.5, offset: '17' }] }),
    [{ vectorId: 'a', score: 0.5, offset: 17 }],
  ],
  [
    'Milvus: several queries, with distances',
    () =>
      hitsFrom.milvus(
        { results: [[{ id: '1', score: 2 }], [], [{ id: '2', score: 3, offset: 0 }]] },
        { metricType: 'MAX_SIM_L2' },
      ),
    [
      { vectorId: '1', score: -2, queryToken: 0 },
      { vectorId: '2', score: -3, offset: 0, queryToken: 2 },
    ],
  ],
  ['Milvus: no results', () => hitsFrom.milvus({ results: [] }), []],
  [
    'Weaviate: cosine distances',
    () => hitsFrom.weaviate({ objects: [{ uuid: 'a', metadata: { distance: 0.25 } }] }),
    [{ vectorId: 'a', score: 0.75 }],
  ],
  [
    'Weaviate: dot products',
    () =>
      hitsFrom.weaviate(
        { objects: [{ uuid: 'a', metadata: { distance: -12.5 } }] },
        { distance: 'dot' },
      ),
    [{ vectorId: 'a', score: 12.5 }],
  ],
  [
    'Weaviate: hybrid scores',
    () => hitsFrom.weaviate({ objects: [{ uuid: 'a', metadata: { score: 0.6 } }] }),
    [{ vectorId: 'a', score: 0.6 }],
  ],
  [
    'Vespa: the last part of the document id, and the closest vector',
    () =>
      hitsFrom.vespa(
        {
          root: {
            children: [
              {
                id: 'id:tenant:page::doc7::p3',
                relevance: 0.8,
                fields: { matchfeatures: { 'closest(patches)': { cells: { '41': 1 } } } },
              },
            ],
          },
        },
        { closest: 'patches' },
      ),
    [{ vectorId: 'doc7::p3', score: 0.8, offset: 41 }],
  ],
  [
    'Vespa: a field',
    () =>
      hitsFrom.vespa(
        {
          root: { children: [{ id: 'index:c/0/1f', relevance: 1, fields: { point: 'a' } }] },
        },
        { id: 'point' },
      ),
    [{ vectorId: 'a', score: 1 }],
  ],
  ['Vespa: no hits', () => hitsFrom.vespa({ root: {} }), []],
  [
    'Pinecone: similarities',
    () => hitsFrom.pinecone({ matches: [{ id: 'a', score: 0.5 }] }),
    [{ vectorId: 'a', score: 0.5 }],
  ],
  [
    'Pinecone: distances',
    () => hitsFrom.pinecone({ matches: [{ id: 'a', score: 0.5 }] }, { metric: 'euclidean' }),
    [{ vectorId: 'a', score: -0.5 }],
  ],
  [
    'Chroma: squared distances of several queries',
    () => hitsFrom.chroma({ ids: [['a'], ['b', 'c']], distances: [[1], [2, 3]] }),
    [
      { vectorId: 'a', score: -1, queryToken: 0 },
      { vectorId: 'b', score: -2, queryToken: 1 },
      { vectorId: 'c', score: -3, queryToken: 1 },
    ],
  ],
  [
    'Chroma: cosine distances',
    () =>
      hitsFrom.chroma({ ids: [['a']], distances: [[0.25]] }, { space: 'cosine', queryToken: 4 }),
    [{ vectorId: 'a', score: 0.75, queryToken: 4 }],
  ],
])('%s', (_, run, expected) => {
  expect(run()).toEqual(expected);
});

describe('a response of another shape is rejected with the path of the value', () => {
  const wrong = (value: unknown) => value as never;

  test.each<[string, () => Hit[], (string | number)[]]>([
    ['null', () => hitsFrom.qdrant(wrong(null)), ['response']],
    ['without points', () => hitsFrom.qdrant(wrong({})), ['response', 'points']],
    ['a point without score', () => hitsFrom.qdrant(wrong([{ id: 1 }])), ['response', 0, 'score']],
    [
      'an id that is an object',
      () => hitsFrom.qdrant(wrong({ points: [{ id: {}, score: 1 }] })),
      ['response', 'points', 0, 'id'],
    ],
    ['a hole', () => hitsFrom.lancedb(wrong(new Array(1))), ['response', 0]],
    ['without the column', () => hitsFrom.lancedb([{ id: 'a' }]), ['response', 0, '_distance']],
    [
      'a distance that is not a number',
      () => hitsFrom.pgvector([{ id: 'a', distance: 'NaN' }], { operator: '<=>' }),
      ['response', 0, 'distance'],
    ],
    ['no operator', () => hitsFrom.pgvector([], wrong({})), ['options', 'operator']],
    [
      'a negative offset',
      () => hitsFrom.milvus({ results: [[{ id: 'a', score: 1, offset: -1 }]] }),
      ['response', 'results', 0, 0, 'offset'],
    ],
    [
      'without metadata',
      () => hitsFrom.weaviate({ objects: [{ uuid: 'a' }] }),
      ['response', 'objects', 0, 'metadata', 'score'],
    ],
    ['without a root', () => hitsFrom.vespa(wrong({})), ['response', 'root']],
    [
      'a match without score',
      () => hitsFrom.pinecone({ matches: [{ id: 'a' }] }),
      ['response', 'matches', 0, 'score'],
    ],
    ['without distances', () => hitsFrom.chroma({ ids: [['a']] }), ['response', 'distances']],
    [
      'a distance that is null',
      () => hitsFrom.chroma({ ids: [['a']], distances: [[null]] }),
      ['response', 'distances', 0, 0],
    ],
    [
      'an unknown metric',
      () => hitsFrom.qdrant([], wrong({ distance: 'cos' })),
      ['options', 'distance'],
    ],
    ['options that are null', () => hitsFrom.milvus({ results: [] }, wrong(null)), ['options']],
    [
      'a query token that is negative',
      () => hitsFrom.pinecone({ matches: [] }, { queryToken: -1 }),
      ['options', 'queryToken'],
    ],
  ])('%s', (_, run, path) => {
    expectInvalid(run, path);
  });
});
