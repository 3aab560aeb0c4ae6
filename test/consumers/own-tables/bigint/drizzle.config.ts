import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './bigint/schema.ts',
  out: './bigint/drizzle',
});
