/** Formats three significant digits. */
export function formatNumber(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 3 });
}

/** Shortens large numbers: `10k`, `1M`. */
export function shortNumber(value: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact' }).format(value).replace('K', 'k');
}

/** `1 connection`, `16 connections`. */
export function formatConnections(connections: number): string {
  return `${connections} connection${connections === 1 ? '' : 's'}`;
}
