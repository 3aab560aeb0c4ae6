import { defineLedger } from 'colpali-vectors/schema';
import { pgTable, text } from 'drizzle-orm/pg-core';

export const books = pgTable('books', { isbn: text().primaryKey() });
export const ledger = defineLedger({ documents: books.isbn, name: 'book_pages' });
export const { vectors: bookPages, vectorOrphans: bookPagesOrphans } = ledger;
