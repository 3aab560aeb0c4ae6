import { requireString } from '../require.ts';
import { type Layout, type ModelFamily, modelFamilies, unknownModels } from './models.ts';

/** What is known about a model's layout, or why nothing is. */
export type ModelExplanation =
  | {
      /** The models that lay out a page in the same way. */
      family: string;
      layout: Layout;
      /** Whether `gridOf` needs `start` or `imageOnly`, because the vectors before the image are unknown. */
      needsStart: boolean;
      /** Where the numbers come from. */
      source: string;
      /** Which of these numbers nobody has compared with the checkpoint. */
      assumed?: string;
    }
  | { reason: string };

/** Keys are the whole name and the name without the organisation, in lower case. */
const families = byName(modelFamilies);
const reasons = byName(unknownModels);

/** Finds the family of a model. Ignores case, and the organisation may be left out. */
export function familyOf(model: string): ModelFamily | undefined {
  requireString(model, ['model']);
  return families.get(model.toLowerCase());
}

/**
 * Says how a model lays out a page, and which numbers are assumed, or why the layout is unknown.
 *
 * @param model - The name on the model hub: `vidore/colqwen2.5-v0.2`. Ignores case, and the organisation may be
 *   left out.
 * @throws {InvalidInputError} `model` is not a string.
 */
export function explainModel(model: string): ModelExplanation {
  const family = familyOf(model);
  if (family === undefined) {
    const reason = reasons.get(model.toLowerCase())?.reason;
    return { reason: reason ?? 'the model is not in the table' };
  }
  const { name, layout, before, source, assumed } = family;
  return {
    family: name,
    layout,
    needsStart: before === undefined,
    source,
    ...(assumed === undefined ? {} : { assumed }),
  };
}

/** Lists the names of all models in the table. Those whose layout is unknown come last. */
export function modelNames(): string[] {
  return [...modelFamilies, ...unknownModels].flatMap(({ models }) => models);
}

function byName<Entry extends { models: readonly string[] }>(entries: readonly Entry[]) {
  return new Map(
    entries.flatMap((entry) =>
      entry.models.flatMap((model) => {
        const name = model.toLowerCase();
        return [name, name.slice(name.indexOf('/') + 1)].map((key) => [key, entry] as const);
      }),
    ),
  );
}
