/** Compiles src/ into dist (ESM) and dist/cjs (CommonJS): `npm run build`. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('..', import.meta.url));

rmSync(`${cwd}/dist`, { recursive: true, force: true });
for (const project of ['tsconfig.build.json', 'tsconfig.build-cjs.json']) {
  execFileSync('npx', ['tsc', '-p', project], { cwd, stdio: 'inherit' });
}
// Without this file, Node and TypeScript would treat dist/cjs as ESM, because the package.json above says so.
writeFileSync(`${cwd}/dist/cjs/package.json`, '{ "type": "commonjs", "sideEffects": false }\n');
