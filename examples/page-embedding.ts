/**
 * Stands in for the model: the vector of a patch is the sum of the vectors of the words on it. Like a real model, it
 * knows what a table or a chart is about, even in patches without words.
 */
import { type Box, gridOf, type PatchGrid, patchBox } from '../src/page/index.ts';
import { type DrawnPage, type PlacedText, pageSize } from './page-drawing.ts';

export const dimensions = 128;

/** How many vectors ColQwen2.5 makes for a page: 4 for the prompt, 23 x 32 patches, and 7 after them. */
const vectorsPerPage = 747;

export const grid: PatchGrid = (() => {
  const found = gridOf('vidore/colqwen2.5-v0.2', pageSize, { vectors: vectorsPerPage });
  if (found === undefined) throw new Error('the layout of the model is unknown');
  return found;
})();

/** The weight of a figure's caption in each patch of the figure. A word that fills its patch has the weight 1. */
const captionWeight = 0.5;

/** The vectors of a page. */
export function embedPage({ words, figures }: DrawnPage): number[][] {
  return Array.from({ length: vectorsPerPage }, (_, patch) => {
    const box = patchBox(grid, patch, pageSize);
    if (box === undefined) return wordVector(`prompt ${patch}`);
    const vectors = [
      // The paper has a direction of its own. A little noise makes each patch different.
      { vector: wordVector('paper'), weight: 0.25 },
      { vector: wordVector(`patch ${patch}`), weight: 0.1 },
      ...words.map((word) => weighted(word, box, 1)),
      ...figures.flatMap(({ text, box: figure }) =>
        text.split(' ').map((word) => weighted({ text: word, box: figure }, box, captionWeight)),
      ),
    ];
    return normalise(sum(vectors.filter(({ weight }) => weight > 0)));
  });
}

/** The vectors of a query's tokens. */
export function embedQuestion(question: string): number[][] {
  return question
    .split(' ')
    .filter((word) => !isCommon(word))
    .map(wordVector);
}

function weighted({ text, box }: PlacedText, patch: Box, most: number) {
  const width = Math.min(box.x1, patch.x1) - Math.max(box.x0, patch.x0);
  const height = Math.min(box.y1, patch.y1) - Math.max(box.y0, patch.y0);
  const area = (patch.x1 - patch.x0) * (patch.y1 - patch.y0);
  const share = width > 0 && height > 0 && !isCommon(text) ? (width * height) / area : 0;
  return { vector: wordVector(text), weight: most * share };
}

function isCommon(word: string): boolean {
  return /^(a|an|and|by|each|every|for|from|in|is|it|its|of|on|or|our|per|than|the|to|we|what|with)$/i.test(
    word,
  );
}

const wordVectors = new Map<string, number[]>();

/** A random direction for each word, the same in every run. */
function wordVector(word: string): number[] {
  const key = word.toLowerCase().replace(/[.,?]$/, '');
  const known = wordVectors.get(key);
  if (known !== undefined) return known;
  let state = [...key].reduce(
    (hash, letter) => (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0,
    7,
  );
  const vector = normalise(
    Array.from({ length: dimensions }, () => {
      // A linear congruential generator (Numerical Recipes, section 7.1).
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 31 - 1;
    }),
  );
  wordVectors.set(key, vector);
  return vector;
}

function sum(parts: readonly { vector: number[]; weight: number }[]): number[] {
  const total = new Array<number>(dimensions).fill(0);
  for (const { vector, weight } of parts) {
    for (const [at, value] of vector.entries()) total[at] = (total[at] as number) + value * weight;
  }
  return total;
}

function normalise(vector: number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
