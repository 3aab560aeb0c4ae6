import { randomUUID } from 'node:crypto';

/** Random ids as the original pipeline made them: Python's `uuid4().hex`. */
export function randomVectorIds(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID().replaceAll('-', ''));
}
