import type { VectorLocation } from '../src/index.ts';

/** The ids of a page: random UUIDs, a single one, the ids of `patchVectorIds`, or a prefix followed by 0, 1, 2 ... */
export type IdKind = 'random' | 'single' | 'patch' | 'consecutive';

export interface BenchPageKey {
  docId: number;
  page: number;
}

/** A page and its vector ids, in patch order. */
export interface BenchPage extends BenchPageKey {
  readonly vectorIds: string[];
  /** The number of ids, if they are those of `patchVectorIds`. */
  patches?: number;
}

/** Something that not every contender can do. */
export type Ability = 'readPatchIds' | 'findByDocument' | 'locate' | 'deleteDocument';

/** How a page becomes rows: a row with a run or two, a row with a list of ids, or a row per id. */
export type Layout = 'runs' | 'lists' | 'rows';

/** One way to record which vectors belong to which page. */
export interface Contender {
  readonly name: string;
  /** npm packages whose versions the result records. */
  readonly packages: readonly string[];
  /** How it stores pages whose ids form runs. */
  readonly layout: Layout;
  /** The kind of ids it is designed for. */
  readonly designedFor: 'random' | 'patch';
  /** Whether it records pages of patch ids by their number. The others are given a list. */
  readonly takesPatches?: boolean;
  /** False if ids come back in any order; they are then compared as sets. */
  readonly keepsOrder: boolean;
  /** The table whose size is measured; undefined if another contender has the same table. */
  readonly table?: string;
  /** What it cannot do, with the reasons that the report gives. */
  readonly cannot: Readonly<Partial<Record<Ability, string>>>;
  /** Connects, and creates its tables if they do not exist. */
  open(url: string): Promise<Session>;
}

/** A contender connected to its own database. */
export interface Session {
  /** Inserts rows into the application's table of documents, if the contender has one. */
  addDocuments(docIds: readonly number[]): Promise<void>;
  /** Records new pages. */
  writePages(pages: readonly BenchPage[]): Promise<void>;
  findByPage(docId: number, page: number): Promise<string[]>;
  /** Returns the ids of each page, ordered by page. */
  findByDocument?(docId: number): Promise<string[][]>;
  /** Returns the ids of each page, in the order of `keys`. */
  findByPages(keys: readonly BenchPageKey[]): Promise<string[][]>;
  locate?(vectorIds: readonly string[]): Promise<(VectorLocation | undefined)[]>;
  /** Deletes the document's pages. */
  deleteDocument?(docId: number): Promise<void>;
  close(): Promise<void>;
}

/** How the contender stores pages of these ids. Random ids form no runs; a page with one id is as small as a run. */
export function layoutFor({ layout }: Contender, kind: IdKind): Layout {
  if (kind === 'single') return 'runs';
  return layout === 'runs' && kind === 'random' ? 'lists' : layout;
}
