/** Says why a function of the user's vector store failed: "fetch failed" alone names neither the function nor the cause. */
import { InvalidInputError } from '../errors.ts';
import { requireIterable } from '../require.ts';
import type { AuditedStore } from '../store/audit.ts';

/** How much of the message of one error is printed. An error of the user's code may contain a whole request. */
const maxLength = 500;

/** The store with errors that name the function and the cause. */
export function withNamedErrors({ listIds, existing }: AuditedStore): AuditedStore {
  return {
    async *listIds(context) {
      try {
        const lists = listIds(context);
        requireIterable(lists, ['store', 'listIds']);
        yield* lists;
      } catch (error) {
        throw nameFunction('listIds', error);
      }
    },
    async existing(ids, context) {
      try {
        return await existing(ids, context);
      } catch (error) {
        throw nameFunction('existing', error);
      }
    },
  };
}

function nameFunction(name: keyof AuditedStore, error: unknown): unknown {
  if (error instanceof InvalidInputError) return error;
  return new Error(`${name} of the store failed: ${reasonOf(error)}`, { cause: error });
}

/** The messages of an error and its causes: `fetch failed: connect ECONNREFUSED 127.0.0.1:6333`. */
export function reasonOf(error: unknown): string {
  const messages = new Set<string>();
  let current = error;
  // A limit, because an error can be its own cause.
  for (let depth = 0; depth < 5 && current != null; depth += 1) {
    messages.add(messageOf(current).slice(0, maxLength));
    // When a name has several addresses, Node collects the errors of all of them.
    current = current instanceof AggregateError ? current.errors[0] : Object(current).cause;
  }
  messages.delete('');
  return [...messages].join(': ');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
