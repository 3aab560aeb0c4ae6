import { randomUUID } from 'node:crypto';

/** Random ids like those of the original pipeline: Python's `uuid4().hex`. */
export function randomVectorIds(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID().replaceAll('-', ''));
}
