/** Compiles src/ into dist (ESM) and dist/cjs (CommonJS): `npm run build`. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('..', import.meta.url));

rmSync(`${cwd}/dist`, { recursive: true, force: true });
for (const project of ['tsconfig.build.json', 'tsconfig.build-cjs.json']) {
  execFileSync('npx', ['tsc', '-p', project], { cwd, stdio: 'inherit' });
}
// Without it, Node and TypeScript would take the files for ESM, as the package.json above says.
writeFileSync(`${cwd}/dist/cjs/package.json`, '{ "type": "commonjs", "sideEffects": false }\n');
