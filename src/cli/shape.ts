import type { LedgerShape } from '../scale/shape.ts';
import { count } from './output.ts';

/** The shape in one line, and a line for each partition. */
export function formatShape(shape: LedgerShape): string {
  if (shape.kind === 'plain') return 'one table';
  if (shape.kind === 'distributed') return `${count(shape.shards, 'shard')} on the nodes of Citus`;
  const partitions = shape.partitions.map(
    ({ name, bounds }) => `\n              ${name} ${inLowerCase(bounds)}`,
  );
  return `${count(shape.partitions.length, 'partition')} by ${inLowerCase(shape.by)}${partitions.join('')}`;
}

/** SQL with keywords in lower case. Quoted names and texts keep theirs. */
function inLowerCase(text: string): string {
  return text.replace(/'[^']*'|"[^"]*"|[A-Z]+/g, (part) =>
    /^['"]/.test(part) ? part : part.toLowerCase(),
  );
}
