import { describe, expect, test } from 'vitest';
import { explainModel, gridOf, modelNames } from '../../../src/page/index.ts';
import { modelFamilies } from '../../../src/page/models.ts';
import { tableRows } from '../../support/docs.ts';

/** The visual late-interaction models of MTEB, and the grid of an A4 page at 150 dpi, image vectors only. */
const mteb: Record<string, string> = {
  'ApsaraStackMaaS/EvoQwen2.5-VL-Retriever-3B-v1': '23 x 32',
  'ApsaraStackMaaS/EvoQwen2.5-VL-Retriever-7B-v1': '23 x 32',
  'athrael-soju/colqwen3.5-4.5B-v3': '39 x 55',
  'DataScience-UIBK/Argus-Colqwen3.5-2b-v0': '38 x 53',
  'DataScience-UIBK/Argus-Colqwen3.5-2b-v0-bf16': '38 x 53',
  'DataScience-UIBK/Argus-Colqwen3.5-4b-v0': '38 x 53',
  'DataScience-UIBK/Argus-Colqwen3.5-4b-v0-bf16': '38 x 53',
  'DataScience-UIBK/Argus-Colqwen3.5-9b-v0': '38 x 53',
  'DataScience-UIBK/Argus-Colqwen3.5-9b-v0-bf16': '38 x 53',
  'ibm-granite/granite-vision-3.3-2b-embedding': 'unknown',
  'jinaai/jina-embeddings-v4': '23 x 32',
  'ModernVBERT/colmodernvbert': '24 x 32',
  'nomic-ai/colnomic-embed-multimodal-3b': '23 x 32',
  'nomic-ai/colnomic-embed-multimodal-7b': '23 x 32',
  'nvidia/llama-nemoretriever-colembed-1b-v1': '32 x 48',
  'nvidia/llama-nemoretriever-colembed-3b-v1': '32 x 48',
  'nvidia/llama-nemotron-colembed-vl-3b-v2': '32 x 48',
  'nvidia/nemotron-colembed-vl-4b-v2': '39 x 55',
  'nvidia/nemotron-colembed-vl-8b-v2': '39 x 55',
  'OpenSearch-AI/Ops-Colqwen3-4B': '39 x 55',
  'TomoroAI/tomoro-colqwen3-embed-4b': '30 x 42',
  'TomoroAI/tomoro-colqwen3-embed-8b': '30 x 42',
  'VAGOsolutions/SauerkrautLM-ColLFM2-450M-v0.1': 'unknown',
  'VAGOsolutions/SauerkrautLM-ColMinistral3-3b-v0.1': '39 x 55',
  'VAGOsolutions/SauerkrautLM-ColQwen3-1.7b-Turbo-v0.1': '39 x 55',
  'VAGOsolutions/SauerkrautLM-ColQwen3-2b-v0.1': '39 x 55',
  'VAGOsolutions/SauerkrautLM-ColQwen3-4b-v0.1': '39 x 55',
  'VAGOsolutions/SauerkrautLM-ColQwen3-8b-v0.1': '39 x 55',
  'Verm1ion/ColTurk-VDR-Qwen3VL-4B-v1.0': '39 x 55',
  'vidore/colpali-v1.1': '32 x 32',
  'vidore/colpali-v1.2': '32 x 32',
  'vidore/colpali-v1.3': '32 x 32',
  'vidore/colqwen2-v1.0': '23 x 32',
  'vidore/colqwen2.5-v0.2': '23 x 32',
  'vidore/colqwen-omni-v0.1': '23 x 32',
  'vidore/colSmol-256M': '24 x 32',
  'vidore/colSmol-500M': '24 x 32',
  'vultr/VultronRetrieverCore-Qwen3.5-4.5B': '39 x 55',
  'vultr/VultronRetrieverFlash-Qwen3.5-0.8B': '39 x 55',
  'vultr/VultronRetrieverPrime-Qwen3.5-8B': '39 x 55',
  'webAI-Official/webAI-ColVec1-4b': '39 x 55',
  'webAI-Official/webAI-ColVec1-9b': '39 x 55',
  'webAI-Official/webAI-ColVec1.1-4b': '35 x 50',
  'webAI-Official/webAI-ColVec1.1-8b': '35 x 50',
};
const page = { width: 1240, height: 1754 };

describe('the models of MTEB', () => {
  test.each(Object.entries(mteb))('%s: %s', (model, expected) => {
    const grid = gridOf(model, page, { imageOnly: true });
    expect(grid === undefined ? 'unknown' : `${grid.cols} x ${grid.rows}`).toBe(expected);
    expect(modelNames()).toContain(model);
  });

  test('have a reason if their layout is unknown', () => {
    const unknown = Object.keys(mteb).filter((model) => mteb[model] === 'unknown');
    expect(unknown.map(explainModel)).toEqual([
      { reason: expect.stringContaining('LLaVA-Next') },
      { reason: expect.stringContaining('LFM2-VL') },
    ]);
  });
});

test.each(['vidore/colqwen2.5-v0.2', 'VIDORE/ColQwen2.5-V0.2', 'colqwen2.5-v0.2'])(
  'finds the model %s',
  (model) => {
    expect(gridOf(model, page)).toEqual({ cols: 23, rows: 32, start: 4 });
  },
);

test.each(['vidore/colqwen9-v1.0', 'someone-else/colqwen2.5-v0.2', '', 'constructor'])(
  'knows no model %j',
  (model) => {
    expect(gridOf(model, page)).toBeUndefined();
    expect(explainModel(model)).toEqual({ reason: 'the model is not in the table' });
  },
);

test('no name is in the table twice, with or without the organisation', () => {
  const names = modelNames().map((name) => name.toLowerCase());
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(names.map((name) => name.replace(/^.*\//, ''))).size).toBe(names.length);
});

test('explains a model: its family, its numbers and what is assumed', () => {
  expect(explainModel('tomoro-colqwen3-embed-4b')).toEqual({
    family: 'Tomoro ColQwen3',
    layout: {
      ...{ kind: 'pixelBudget', patchSize: 16, mergeSize: 2 },
      ...{ minPixels: 65_536, maxPixels: 1280 * 32 * 32 },
    },
    needsStart: false,
    source: expect.stringContaining('max_num_visual_tokens 1280'),
    assumed: 'the prompt is that of colpali_engine',
  });
});

test('a model whose prompt is unknown has a grid once the start is known', () => {
  const model = 'jina-embeddings-v4';
  expect(explainModel(model)).toMatchObject({ needsStart: true });
  expect(gridOf(model, page)).toBeUndefined();
  expect(gridOf(model, page, { start: 1 })).toEqual({ cols: 23, rows: 32, start: 1 });
  expect(gridOf(model, page, { imageOnly: true })).toEqual({ cols: 23, rows: 32, start: 0 });
});

test('the docs list every family of models', () => {
  const rows = tableRows('docs/where-on-the-page.md', 'family');
  expect(rows.map(([family]) => family)).toEqual(modelFamilies.map(({ name }) => name));
});
