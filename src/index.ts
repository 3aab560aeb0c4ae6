export {
  type AuditedStore,
  type AuditOptions,
  type AuditProgress,
  type AuditReport,
  auditVectors,
} from './audit.ts';
export { type Db, type OpenDatabase, openDatabase } from './database.ts';
export {
  DatabaseError,
  DatabaseUnavailableError,
  DocumentNotFoundError,
  type InputPath,
  InvalidInputError,
  MigrationError,
  VectorLedgerError,
  type VectorLedgerErrorCode,
} from './errors.ts';
export {
  type HashedPatchPlace,
  hashedPatchVectorId,
  hashedPatchVectorIds,
} from './hashed-patch-id.ts';
export type { VectorLocation } from './locate.ts';
export { type MigrateResult, migrate } from './migrate.ts';
export type { MigrationOptions } from './migration-session.ts';
export { type MigrationStatus, migrationStatus } from './migration-status.ts';
export {
  type DeleteVectors,
  type PurgeOptions,
  type PurgeProgress,
  type PurgeResult,
  purgeOrphans,
} from './orphans.ts';
export {
  type PatchPlace,
  parsePatchVectorId,
  patchVectorId,
  patchVectorIds,
} from './patch-id.ts';
export type { WrittenPage } from './pending.ts';
export {
  createVectorRepository,
  type DocumentPage,
  type RepositoryOptions,
  type VectorRepository,
} from './repository.ts';
export { type RollbackOptions, type RollbackResult, rollback } from './rollback.ts';
export {
  type Document,
  documents,
  documentsRelations,
  type PageVectors,
  type PatchGrid,
  type VectorOrphan,
  type VectorPatch,
  vectorOrphans,
  vectorPatches,
  vectors,
  vectorsRelations,
} from './schema.ts';
export type { SchemaDrift } from './schema-objects.ts';
export type { VectorTables } from './tables.ts';
export type { NewPageVectors, PageKey, VectorIdInput } from './validate.ts';
export {
  decodeVectorIds,
  encodeVectorIds,
  type StoredVectorId,
  type VectorIdRun,
} from './vector-ids.ts';
export type { UpsertOptions } from './write-pages.ts';
