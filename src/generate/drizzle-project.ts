/** The host's Drizzle project: its configuration, its schema files, and drizzle-kit itself. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvalidInputError, MigrationError } from '../errors.ts';

export interface DrizzleProject {
  /** Paths of the schema files. */
  schemaFiles: string[];
  /** The folder of the migrations. */
  out: string;
  /** The options that give drizzle-kit the same files: `--config=...`, or `--schema=...` and `--out=...`. */
  kitOptions: string[];
}

/** Where drizzle-kit looks for its configuration. */
const configFiles = ['drizzle.config.ts', 'drizzle.config.js', 'drizzle.config.json'];

/**
 * Reads where the host's schema and migrations are, as drizzle-kit does.
 *
 * @throws {InvalidInputError} `out` is given without `schema`, or no configuration or schema file is found.
 * @throws {MigrationError} The configuration cannot be loaded.
 */
export async function readDrizzleProject(options: {
  config?: string | undefined;
  schema?: string | undefined;
  out?: string | undefined;
}): Promise<DrizzleProject> {
  const { schema, out = 'drizzle' } = options;
  if (schema !== undefined) {
    if (options.config !== undefined) {
      throw new InvalidInputError(['config'], 'cannot be combined with schema');
    }
    const kitOptions = ['--dialect=postgresql', `--schema=${schema}`, `--out=${out}`];
    return { schemaFiles: schemaFilesOf([schema]), out, kitOptions };
  }
  if (options.out !== undefined) {
    throw new InvalidInputError(['out'], 'must be given together with schema');
  }
  const config = options.config ?? configFiles.find((file) => existsSync(file));
  if (config === undefined || !existsSync(config)) {
    throw new InvalidInputError(
      ['config'],
      `there is no ${config ?? 'drizzle.config.ts'} here: run the command in its folder, or use --config or --schema`,
    );
  }
  const module = await loadModule(resolve(config));
  const { schema: schemas, out: folder = 'drizzle' } = (module.default ?? module) as {
    schema?: string | string[];
    out?: string;
  };
  if (schemas === undefined) throw new MigrationError(`${config} names no schema`);
  return {
    schemaFiles: schemaFilesOf([schemas].flat()),
    out: folder,
    kitOptions: [`--config=${config}`],
  };
}

/** @throws {InvalidInputError} No file has one of the paths. */
function schemaFilesOf(paths: readonly string[]): string[] {
  const files = new Set(paths.flatMap(filesOf).map((file) => resolve(file)));
  if (files.size > 0) return [...files];
  throw new InvalidInputError(['schema'], `there is no schema file ${paths.join(', ')}`);
}

/** The files that a schema path of drizzle-kit names: a file, the files of a folder, or the matches of a glob. */
function filesOf(path: string): string[] {
  if (existsSync(path)) return statSync(path).isDirectory() ? filesIn(path) : [path];
  const base = path.slice(0, path.search(/[^/]*[*?{[]/));
  if (!/[*?{[]/.test(path) || !existsSync(base || '.')) return [];
  const matches = globPattern(path.replace(/^\.\//, ''));
  const names = readdirSync(base || '.', { recursive: true, encoding: 'utf8' });
  const found = names
    .map((name) => join(base, name).replaceAll('\\', '/'))
    .filter((name) => matches.test(name) && !name.includes('node_modules/'));
  return found.flatMap((name) => (statSync(name).isDirectory() ? filesIn(name) : [name]));
}

function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile());
}

function globPattern(glob: string): RegExp {
  const source = glob.replaceAll(/\*\*\/|\*\*|[*?{},.+^$()|\\]/g, (found, offset: number) => {
    const isInBraces = glob.lastIndexOf('{', offset) > glob.lastIndexOf('}', offset);
    const patterns: Record<string, string> = {
      '**/': '(?:.*/)?',
      '**': '.*',
      '*': '[^/]*',
      '?': '[^/]',
      '{': '(?:',
      '}': ')',
    };
    if (found === ',') return isInBraces ? '|' : ',';
    return patterns[found] ?? `\\${found}`;
  });
  return new RegExp(`^${source}$`);
}

/**
 * Loads a module of the host. TypeScript is loaded with tsx, which drizzle-kit uses and brings along.
 *
 * @throws {MigrationError} The module cannot be loaded. The error names the file and the reason.
 */
export async function loadModule(path: string): Promise<Record<string, unknown>> {
  const tsx = findTsx();
  try {
    if (tsx !== undefined) return tsx.require(path, pathToFileURL(path).href);
    if (path.endsWith('.json')) return createRequire(path)(path);
    return await import(pathToFileURL(path).href);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const hint = tsx === undefined && /\.[cm]?ts$/.test(path) ? '\nHint: npm install -D tsx' : '';
    throw new MigrationError(`Cannot load ${relative('.', path)}: ${reason}${hint}`, {}, { cause });
  }
}

interface Tsx {
  require(path: string, from: string): Record<string, unknown>;
}

/** tsx as the host installed it, or as drizzle-kit did. */
function findTsx(): Tsx | undefined {
  const fromHost = createRequire(resolve('index.js'));
  for (const find of [() => fromHost, () => createRequire(fromHost.resolve('drizzle-kit'))]) {
    try {
      return find()('tsx/cjs/api') as Tsx;
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}

/**
 * Runs drizzle-kit as the host installed it.
 *
 * @returns What it printed. Its exit code does not say whether it succeeded.
 * @throws {MigrationError} drizzle-kit is not installed.
 */
export async function runDrizzleKit(args: readonly string[]): Promise<string> {
  let bin: string;
  try {
    bin = join(dirname(createRequire(resolve('index.js')).resolve('drizzle-kit')), 'bin.cjs');
  } catch (cause) {
    throw new MigrationError(
      'drizzle-kit is not installed here: npm install -D drizzle-kit',
      {},
      {
        cause,
      },
    );
  }
  return new Promise((done) => {
    const child = execFile(process.execPath, [bin, ...args], (_, stdout, stderr) =>
      done(stdout + stderr),
    );
    child.stdin?.end();
  });
}
