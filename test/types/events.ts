/** Compiled, not run: what onEvent knows about an event. */
import type { LedgerEvent, OnEvent } from '../../src/index.ts';

export const count = (event: LedgerEvent): number => {
  if (event.type === 'purged') return event.deleted;
  if (event.type === 'ingested') return event.pages;
  // @ts-expect-error a rejected call has deleted nothing that is known
  if (event.type === 'rejected') return event.deleted;
  return event.missing;
};

export const synchronous: OnEvent = ({ durationMs }) => console.log(durationMs);
export const asynchronous: OnEvent = async ({ type }) => type;
// @ts-expect-error there is no such event
export const unknown: OnEvent = ({ type }) => type === 'finished';
