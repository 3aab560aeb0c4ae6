import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './text/schema.ts',
  out: './text/drizzle',
});
