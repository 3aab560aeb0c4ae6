/**
 * The models whose layout is known, and where each number comes from. Numbers that depend on the checkpoint are in its
 * configuration on the model hub. `assumed` names those that nobody has compared with it.
 *
 * The names are those of the visual late-interaction models of MTEB, and of some ports of them.
 */

/** How a model turns a page into patches. Sizes are in pixels, `tile` is in patches. */
export type Layout =
  /** Every page is stretched to the same grid. */
  | { kind: 'fixed'; cols: number; rows: number }
  /** The page is resized to a number of pixels from `minPixels` to `maxPixels`. */
  | {
      kind: 'pixelBudget';
      patchSize: number;
      mergeSize: number;
      minPixels: number;
      maxPixels: number;
    }
  /** The longest edge is limited. A vector follows each row of patches. */
  | { kind: 'rowBreaks'; patchSize: number; mergeSize: number; longestEdge: number }
  /** The longest edge is set, and the page is cut into tiles. The whole page follows as one more tile. */
  | { kind: 'split'; longestEdge: number; tileSize: number; tile: number }
  /** The page is stretched to the number of tiles that fits it best. The whole page may follow as one more tile. */
  | { kind: 'bestTiles'; tileSize: number; maxTiles: number; thumbnail: boolean; tile: number };

/** Models that lay out a page in the same way. */
export interface ModelFamily {
  name: string;
  /** The names on the model hub. */
  models: readonly string[];
  layout: Layout;
  /** The number of vectors before those of the image; undefined if it is unknown or depends on the server. */
  before?: number;
  /** The possible numbers of vectors after those of the image; undefined if they are unknown. */
  after?: readonly number[];
  /** Where the numbers come from. */
  source: string;
  /** Which of these numbers nobody has compared with the checkpoint. */
  assumed?: string;
}

/** The prompt of colpali_engine for Qwen: `<|im_start|>user\n<|vision_start|>` and 7 vectors after the image. */
const qwenPrompt = { before: 4, after: [7] };

const qwen2Factor = { kind: 'pixelBudget', patchSize: 14, mergeSize: 2 } as const;
/** 4 to 768 vectors. */
const qwen2 = { ...qwen2Factor, minPixels: 4 * 28 * 28, maxPixels: 768 * 28 * 28 };

const qwen3Factor = { kind: 'pixelBudget', patchSize: 16, mergeSize: 2 } as const;
/** 64 to 16,384 vectors. */
const qwen3 = { ...qwen3Factor, minPixels: 65_536, maxPixels: 16_777_216 };
/** The same, with the option `max_num_visual_tokens`. */
const qwen3WithTokens = (tokens: number) => ({ ...qwen3, maxPixels: tokens * 32 * 32 });

const llamaNemotron = {
  kind: 'bestTiles',
  tileSize: 512,
  maxTiles: 6,
  thumbnail: false,
  tile: 16,
} as const;

export const modelFamilies: readonly ModelFamily[] = [
  {
    name: 'ColPali',
    models: [
      'vidore/colpali',
      'vidore/colpali-v1.1',
      'vidore/colpali-v1.2',
      'vidore/colpali-v1.2-hf',
      'vidore/colpali-v1.3',
      'vidore/colpali-v1.3-hf',
    ],
    layout: { kind: 'fixed', cols: 32, rows: 32 },
    before: 0,
    // 7 with colpali_engine, which writes a second <bos>.
    after: [6, 7],
    source:
      'colpali_engine models/paligemma/colpali/processing_colpali.py, transformers models/colpali/processing_colpali.py',
  },
  {
    name: 'ColQwen2',
    models: ['vidore/colqwen2-v0.1', 'vidore/colqwen2-v1.0', 'vidore/colqwen2-v1.0-hf'],
    layout: qwen2,
    ...qwenPrompt,
    source:
      'colpali_engine models/qwen2/colqwen2/processing_colqwen2.py, transformers models/qwen2_vl/image_processing_qwen2_vl.py',
  },
  {
    name: 'ColQwen2.5',
    models: [
      'vidore/colqwen2.5-v0.1',
      'vidore/colqwen2.5-v0.2',
      'nomic-ai/colnomic-embed-multimodal-3b',
      'nomic-ai/colnomic-embed-multimodal-7b',
      'ApsaraStackMaaS/EvoQwen2.5-VL-Retriever-3B-v1',
      'ApsaraStackMaaS/EvoQwen2.5-VL-Retriever-7B-v1',
    ],
    layout: qwen2,
    ...qwenPrompt,
    source:
      'colpali_engine models/qwen2_5/colqwen2_5/processing_colqwen2_5.py; nomic-ai/colpali has max_num_visual_tokens 768',
    assumed: 'the pixel budget of EvoQwen',
  },
  {
    name: 'ColQwen-Omni',
    models: ['vidore/colqwen-omni-v0.1'],
    layout: qwen2,
    source: 'colpali_engine models/qwen_omni/colqwen_omni/processing_colqwen_omni.py',
    assumed: 'the pixel budget. The chat template and its system prompt decide `start`.',
  },
  {
    name: 'jina-embeddings-v4',
    models: ['jinaai/jina-embeddings-v4'],
    layout: qwen2,
    source:
      'the model card (768 x 28 x 28). MTEB passes max_pixels 37788800. The example of vLLM keeps only the vectors of the image.',
    assumed: '`start` depends on which vectors are kept, and the API was not examined',
  },
  {
    name: 'Tomoro ColQwen3',
    models: ['TomoroAI/tomoro-colqwen3-embed-4b', 'TomoroAI/tomoro-colqwen3-embed-8b'],
    layout: qwen3WithTokens(1280),
    ...qwenPrompt,
    source: 'mteb colqwen_models.py (max_num_visual_tokens 1280), vllm models/colqwen3.py',
    assumed: 'the prompt is that of colpali_engine',
  },
  {
    name: 'webAI ColVec1.1',
    models: ['webAI-Official/webAI-ColVec1.1-4b', 'webAI-Official/webAI-ColVec1.1-8b'],
    layout: qwen3WithTokens(1792),
    ...qwenPrompt,
    source: 'mteb webai_models.py (max_num_visual_tokens 1792)',
    assumed: 'the prompt is that of colpali_engine',
  },
  {
    name: 'Argus',
    models: [
      'DataScience-UIBK/Argus-Colqwen3.5-2b-v0',
      'DataScience-UIBK/Argus-Colqwen3.5-2b-v0-bf16',
      'DataScience-UIBK/Argus-Colqwen3.5-4b-v0',
      'DataScience-UIBK/Argus-Colqwen3.5-4b-v0-bf16',
      'DataScience-UIBK/Argus-Colqwen3.5-9b-v0',
      'DataScience-UIBK/Argus-Colqwen3.5-9b-v0-bf16',
    ],
    layout: qwen3WithTokens(2048),
    ...qwenPrompt,
    source: 'mteb argus_qwen35.py (max_num_visual_tokens 2048)',
    assumed: 'the prompt is that of colpali_engine',
  },
  {
    name: 'ColQwen3 and ColQwen3.5',
    models: [
      'OpenSearch-AI/Ops-Colqwen3-4B',
      'OpenSearch-AI/Ops-Colqwen3-8B',
      'VAGOsolutions/SauerkrautLM-ColQwen3-1.7b-Turbo-v0.1',
      'VAGOsolutions/SauerkrautLM-ColQwen3-2b-v0.1',
      'VAGOsolutions/SauerkrautLM-ColQwen3-4b-v0.1',
      'VAGOsolutions/SauerkrautLM-ColQwen3-8b-v0.1',
      'Verm1ion/ColTurk-VDR-Qwen3VL-4B-v1.0',
      'athrael-soju/colqwen3.5-4.5B-v3',
      'vultr/VultronRetrieverCore-Qwen3.5-4.5B',
      'vultr/VultronRetrieverFlash-Qwen3.5-0.8B',
      'vultr/VultronRetrieverPrime-Qwen3.5-8B',
      'webAI-Official/webAI-ColVec1-4b',
      'webAI-Official/webAI-ColVec1-9b',
    ],
    layout: qwen3,
    ...qwenPrompt,
    source:
      'colpali_engine models/qwen3/colqwen3 and models/qwen3_5/colqwen3_5, sauerkrautlm_colpali models/qwen3, transformers models/qwen3_vl',
    assumed: 'the pixel budget is the default of Qwen3-VL, and the prompt that of colpali_engine',
  },
  {
    name: 'Nemotron ColEmbed VL',
    models: ['nvidia/nemotron-colembed-vl-4b-v2', 'nvidia/nemotron-colembed-vl-8b-v2'],
    layout: qwen3,
    // Its prompt begins like that of colpali_engine, but ends with "passage:" and the answer's role.
    before: qwenPrompt.before,
    source: 'the processor of the model (process_documents), transformers models/qwen3_vl',
    assumed: 'the pixel budget is the default of Qwen3-VL',
  },
  {
    name: 'ColSmol',
    models: ['vidore/colSmol-256M', 'vidore/colSmol-500M'],
    layout: { kind: 'split', longestEdge: 2048, tileSize: 512, tile: 8 },
    before: 3,
    source:
      'colpali_engine models/idefics3/colidefics3, transformers models/idefics3. The prompt begins with <|im_start|>User: (3 vectors).',
    assumed: 'the longest edge',
  },
  {
    name: 'ColModernVBERT',
    models: ['ModernVBERT/colmodernvbert', 'ModernVBERT/colmodernvbert-merged'],
    layout: { kind: 'split', longestEdge: 2048, tileSize: 512, tile: 8 },
    source: 'colpali_engine models/modernvbert/colvbert, transformers models/idefics3',
    assumed: 'the longest edge. The tokenizer decides `start`.',
  },
  {
    name: 'Llama Nemotron ColEmbed',
    models: [
      'nvidia/llama-nemoretriever-colembed-1b-v1',
      'nvidia/llama-nemoretriever-colembed-3b-v1',
      'nvidia/llama-nemotron-colembed-vl-3b-v2',
    ],
    layout: llamaNemotron,
    source:
      "superlinked/sie preprocessor/vision.py, after NVIDIA's modeling_llama_nemoretrievercolembed.py",
    assumed:
      'the size and the number of tiles, no thumbnail, and patches row by row in a tile. The prompt "passage: <img>" decides `start`.',
  },
  {
    name: 'ColMinistral3',
    models: ['VAGOsolutions/SauerkrautLM-ColMinistral3-3b-v0.1'],
    layout: { kind: 'rowBreaks', patchSize: 14, mergeSize: 2, longestEdge: 1540 },
    source: 'sauerkrautlm_colpali models/ministral3, transformers models/pixtral',
    assumed: 'the longest edge. The chat template decides `start`.',
  },
  {
    name: 'ColGemma3',
    models: ['Cognitive-Lab/ColNetraEmbed'],
    layout: { kind: 'fixed', cols: 16, rows: 16 },
    source:
      'colpali_engine models/gemma3/colgemma3, transformers models/gemma3 (896 pixels, patches of 14 in blocks of 4 x 4)',
    assumed: 'pan and scan is off. The chat template decides `start`.',
  },
];

/** Models whose layout is unknown, and why. */
export const unknownModels: readonly { models: readonly string[]; reason: string }[] = [
  {
    models: ['ibm-granite/granite-vision-3.3-2b-embedding'],
    reason:
      'LLaVA-Next cuts the page into tiles of several shapes, with newline vectors in between, and removes padding',
  },
  {
    models: ['VAGOsolutions/SauerkrautLM-ColLFM2-450M-v0.1'],
    reason: 'LFM2-VL cuts the page into tiles and adds a thumbnail, and the order was not examined',
  },
];
