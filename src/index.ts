export { guardPostgres } from './connect/guard-postgres.ts';
export { type ConnectOptions, type OpenDatabase, openDatabase } from './connect/open-database.ts';
export type { SslOptions } from './connect/tls.ts';
export type { Db } from './db.ts';
export { defineLedger, type Ledger } from './define-ledger.ts';
export type { DocumentId, KeyType } from './document-id.ts';
export {
  AuditError,
  DatabaseError,
  DatabaseUnavailableError,
  DocumentNotFoundError,
  IngestError,
  type InputPath,
  InvalidInputError,
  MigrationError,
  PurgeError,
  VectorLedgerError,
  type VectorLedgerErrorCode,
} from './errors.ts';
export type {
  AuditedEvent,
  IngestedEvent,
  LedgerEvent,
  OnEvent,
  PurgedEvent,
  RejectedEvent,
} from './events.ts';
export type { VectorIdInput } from './ids/check-vector-ids.ts';
export {
  decodeVectorIds,
  encodeVectorIds,
  type StoredVectorId,
  type VectorIdPack,
  type VectorIdRun,
} from './ids/codec.ts';
export {
  type HashedPatchPlace,
  hashedPatchVectorId,
  hashedPatchVectorIds,
} from './ids/hashed-patch-id.ts';
export { patchVectorId, patchVectorIds } from './ids/patch-id.ts';
export { type PatchPlace, parsePatchVectorId } from './ids/patch-id-layout.ts';
export type { IngestOptions, WriteVectors } from './ledger/ingest.ts';
export type { VectorLocation } from './ledger/locate.ts';
export type { NewPageVectors, PageKey } from './ledger/page.ts';
export type { ResolvedHits, ResolvedPage } from './ledger/resolve-hits.ts';
export { type LedgerStatus, ledgerStatus } from './ledger/status.ts';
export type { RecordedPage, UpsertOptions } from './ledger/write-pages.ts';
export { ledgerDrift, type SchemaDrift } from './migrations/drift.ts';
export { installLedger } from './migrations/install-ledger.ts';
export { ledgerSql } from './migrations/ledger-sql.ts';
export {
  type DuplicatesRemedy,
  type MigrateOptions,
  type MigrateResult,
  type MigrationOptions,
  migrate,
  type PlannedMigration,
} from './migrations/migrate.ts';
export { type RollbackOptions, type RollbackResult, rollback } from './migrations/rollback.ts';
export { type MigrationStatus, migrationStatus } from './migrations/status.ts';
export type { MigrationTarget } from './migrations/target.ts';
export {
  type UninstalledLedger,
  uninstallLedger,
  uninstallLedgerSql,
} from './migrations/uninstall-ledger.ts';
export {
  createVectorRepository,
  type DocumentPage,
  type RepositoryOptions,
  type VectorRepository,
} from './repository.ts';
export {
  type DistributeOptions,
  type DistributeResult,
  distributeLedger,
} from './scale/distribute.ts';
export { type PartitionOptions, partition, partitionSql } from './scale/partition.ts';
export type { LedgerPartition, LedgerShape } from './scale/shape.ts';
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
export type { CacheHits, TableActivity } from './stats/activity.ts';
export type { TableBloat } from './stats/bloat.ts';
export type { PageKinds } from './stats/kinds.ts';
export type { QueueStats } from './stats/queue.ts';
export type { SequenceStats } from './stats/sequences.ts';
export { type IndexStats, type LedgerStats, ledgerStats, type TableStats } from './stats/stats.ts';
export {
  type AuditedStore,
  type AuditOptions,
  type AuditProgress,
  type AuditReport,
  auditVectors,
  type SharedVectorId,
} from './store/audit.ts';
export type { DeleteVectors } from './store/delete-call.ts';
export {
  type PurgeOptions,
  type PurgeProgress,
  type PurgeResult,
  purgeOrphans,
} from './store/purge.ts';
