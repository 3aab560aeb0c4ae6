import type { Command } from 'commander';
import { type LedgerStats, ledgerStats } from '../stats/stats.ts';
import { withDatabase } from './database.ts';
import { loadLedger } from './ledger-module.ts';
import { count, formatNumber, formatTable } from './output.ts';
import { examples, globalOptions } from './usage.ts';

/** Warn about a sequence that has used this share of its range. */
const warnFromShare = 0.5;

export function addStatsCommand(program: Command): void {
  program
    .command('stats')
    .summary('show sizes, the kinds of pages, and how tables and indexes perform')
    .description(
      'Shows the size of the tables and indexes, the kinds of pages, dead rows, cache hits, the use of indexes, the queue and the range of ids. Takes as long on a large ledger as on a small one. The figures are explained in docs/scaling.md.',
    )
    .option(
      '--bloat',
      'also measure dead and free space with the extension pgstattuple, which reads every block that changed since the last vacuum',
    )
    .addHelpText('after', examples('colpali-vectors stats', 'colpali-vectors stats --bloat --json'))
    .action(async ({ bloat = false }: { bloat?: boolean }) => {
      const { output, url } = globalOptions(program);
      const ledger = await loadLedger(program);
      const stats = await withDatabase(url, (db) => ledgerStats(db, { bloat, ledger }));
      output.result(stats, () => formatStats(stats, bloat));
      for (const { name, used } of stats.sequences) {
        if (used !== null && used >= warnFromShare) {
          output.warn(`${name} has used ${percent(used)} of its range: see docs/scaling.md`);
        }
      }
    });
}

function formatStats(stats: LedgerStats, bloat: boolean): string {
  const { pages, bytesPerPage, sequences, statisticsResetAt } = stats;
  const size =
    bytesPerPage === null ? '' : `, ${formatBytes(bytesPerPage)} each with their indexes`;
  return [
    `pages       ${pages === null ? unknown : `about ${count(pages, 'page')}${size}`}`,
    `kinds       ${formatKinds(stats.kinds)}`,
    `queue       ${formatQueue(stats.queue)}`,
    ...sequences.map(({ name, used }, index) => {
      const label = index === 0 ? 'ids         ' : '            ';
      return `${label}${name}: ${known(used, percent)} of its range is used`;
    }),
    `statistics  ${statisticsResetAt === null ? 'no reset is known' : `since ${statisticsResetAt.toISOString()}`}`,
    '',
    formatTables(stats.tables, bloat),
    '',
    formatTable(
      stats.indexes.map(({ name, table, bytes, scans, unused }) => ({
        index: name,
        table,
        size: formatBytes(bytes),
        scans: `${known(scans, formatNumber)}${unused ? ' (unused)' : ''}`,
      })),
    ),
  ].join('\n');
}

function formatTables(tables: LedgerStats['tables'], bloat: boolean): string {
  return formatTable(
    tables.map((table) => ({
      table: table.name,
      rows: known(table.rows, formatNumber),
      heap: formatBytes(table.bytes.heap),
      toast: formatBytes(table.bytes.toast),
      indexes: formatBytes(table.bytes.indexes),
      dead: known(table.activity, ({ deadRows }) => formatNumber(deadRows)),
      vacuumed: known(table.activity, ({ vacuumedAt }) => formatTime(vacuumedAt)),
      analyzed: known(table.activity, ({ analyzedAt }) => formatTime(analyzedAt)),
      cached: known(table.cacheHits?.table ?? null, percent),
      'indexes cached': known(table.cacheHits?.indexes ?? null, percent),
      ...(bloat && {
        'dead space': known(table.bloat, ({ deadShare }) => percent(deadShare)),
        'free space': known(table.bloat, ({ freeShare }) => percent(freeShare)),
      }),
    })),
  );
}

function formatKinds(kinds: LedgerStats['kinds']): string {
  if (kinds === null) return unknown;
  const { sampled, complete, patchIds, oneId, packs, other } = kinds;
  if (sampled === 0) return 'no pages';
  const share = (pages: number) => percent(pages / sampled);
  return `${share(patchIds)} patch ids, ${share(oneId)} one id, ${share(packs)} packs of UUIDs, ${share(other)} other (${complete ? 'all' : 'a sample of'} ${count(sampled, 'page')})`;
}

function formatQueue(queue: LedgerStats['queue']): string {
  if (queue === null) return unknown;
  const { rows, exact, oldestMs, attempts } = queue;
  const total = `${exact ? '' : 'about '}${count(rows, 'row')}`;
  if (oldestMs === null) return total;
  const tried = `${formatNumber(attempts.none)} not tried, ${formatNumber(attempts.oneToTen)} tried 1 to 10 times, ${formatNumber(attempts.more)} tried more than 10 times`;
  return `${total}, the oldest has waited for ${formatAge(oldestMs)}; ${tried}`;
}

const unknown = 'unknown';

function known<T>(value: T | null, format: (value: T) => string): string {
  return value === null ? unknown : format(value);
}

function formatTime(time: Date | null): string {
  return time === null ? 'never' : `${time.toISOString().slice(0, 19)}Z`;
}

/** `0%`, `12%`, `0.3%`: at most one decimal below ten. */
function percent(share: number): string {
  return `${Number((share * 100).toFixed(share < 0.1 ? 1 : 0))}%`;
}

/** In powers of 1024, with the units that PostgreSQL prints. */
function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 'bytes';
  for (const larger of ['kB', 'MB', 'GB', 'TB']) {
    if (value < 1024) break;
    value /= 1024;
    unit = larger;
  }
  return `${Number(value.toFixed(value < 10 ? 1 : 0))} ${unit}`;
}

function formatAge(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return count(seconds, 'second');
  if (seconds < 7_200) return count(Math.round(seconds / 60), 'minute');
  if (seconds < 172_800) return count(Math.round(seconds / 3_600), 'hour');
  return count(Math.round(seconds / 86_400), 'day');
}
