import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './uuid/schema.ts',
  out: './uuid/drizzle',
  dbCredentials: { url: process.env['DATABASE_URL'] ?? '' },
});
