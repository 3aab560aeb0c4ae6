import type { VectorLocation } from '../src/index.ts';

/** How a page's ids came about: UUIDs of version 4, `patchVectorIds`, or counted behind a prefix. */
export type IdKind = 'random' | 'computed' | 'consecutive';

/** A page of a document. */
export interface BenchPageKey {
  docId: number;
  page: number;
}

/** A page and the vectors that belong to it, in patch order. */
export interface BenchPage extends BenchPageKey {
  vectorIds: string[];
}

/** What not every contender can do. `computedIds` is to find them, not to write them. */
export type Ability = 'computedIds' | 'findByDocument' | 'locate';

/** A way to keep which vectors belong to which page. */
export interface Contender {
  readonly name: string;
  /** npm packages whose versions the result notes. */
  readonly packages: readonly string[];
  /**
   * What a page of computed ids becomes: a run or two, a list, or a row an id. Decides how many pages a
   * measurement takes, since a list takes a hundred times as long to write as a run, and rows ten times
   * as long as a list.
   */
  readonly stores: 'runs' | 'lists' | 'rows';
  /** The ids that its design is for: UUIDs of version 4, as the original pipeline makes, or computed ones. */
  readonly designedFor: 'random' | 'computed';
  /** False where ids come back in any order: they are then compared as sets. */
  readonly keepsOrder: boolean;
  /** The table whose size is measured; undefined where another contender has the same. */
  readonly table?: string;
  /** What it cannot do, and why; the reason stands in the result. */
  readonly cannot: Readonly<Partial<Record<Ability, string>>>;
  /** Makes its tables where they are missing, and connects. */
  open(url: string): Promise<Session>;
}

/** A contender at work on a database of its own. */
export interface Session {
  /** Adds the host application's documents; nothing where they have no table. */
  addDocuments(docIds: readonly number[]): Promise<void>;
  /** Records pages that are not there yet. */
  writePages(pages: readonly BenchPage[]): Promise<void>;
  findByPage(docId: number, page: number): Promise<string[]>;
  /** The ids of each page, by page. */
  findByDocument?(docId: number): Promise<string[][]>;
  /** The ids of each page, in the order of `keys`. */
  findByPages(keys: readonly BenchPageKey[]): Promise<string[][]>;
  locate?(vectorIds: readonly string[]): Promise<(VectorLocation | undefined)[]>;
  /** Deletes the document's pages. */
  deleteDocument?(docId: number): Promise<void>;
  close(): Promise<void>;
}
