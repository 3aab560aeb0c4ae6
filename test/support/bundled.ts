import { join } from 'node:path';
import { inject } from 'vitest';
import type { ScriptName } from './bundle-scripts.ts';

/** The file of a bundle, to run with Node. */
export function bundled(name: ScriptName): string {
  return join(inject('bundles'), `${name}.mjs`);
}
