import yoctoSpinner from 'yocto-spinner';
import { safeJson, safeLines, safeValue } from './safe-text.ts';
import { writeNote } from './stderr.ts';

/** Prints results on stdout, as text or as JSON, and everything else on stderr. */
export class Output {
  /** Whether results are printed as JSON. */
  readonly json: boolean;

  constructor(json: boolean) {
    this.json = json;
  }

  /** Prints a command's result: `value` as JSON, or `text()`. */
  result(value: unknown, text: () => string): void {
    process.stdout.write(`${this.json ? safeJson(value) : safeLines(text())}\n`);
  }

  warn(message: string): void {
    writeNote('warning', message);
  }

  /** Shows a spinner during `work`, if stderr is a terminal. `work` can change the spinner's text. */
  async whileShowing<Result>(
    text: string,
    work: (show: (text: string) => void) => Promise<Result>,
  ): Promise<Result> {
    if (!process.stderr.isTTY) return work(() => {});
    const spinner = yoctoSpinner({ text, handleSignals: false }).start();
    try {
      return await work((next) => {
        spinner.text = next;
      });
    } finally {
      spinner.stop();
    }
  }
}

/** Formats rows as a table whose headings are the keys of the first row. Numbers are right-aligned. */
export function formatTable(rows: readonly Record<string, string | number>[]): string {
  const headings = Object.keys(rows[0] ?? {});
  const columns = headings.map((heading) => {
    const cells = [heading, ...rows.map((row) => safeValue(`${row[heading] ?? ''}`))];
    // Not Math.max(...widths): a table can have more rows than a call can have arguments.
    const width = cells.reduce<number>((widest, cell) => Math.max(widest, cell.length), 0);
    const isNumeric = typeof rows[0]?.[heading] === 'number';
    return cells.map((cell) => (isNumeric ? cell.padStart(width) : cell.padEnd(width)));
  });
  const lines = [...rows.keys(), rows.length].map((line) =>
    columns.map((column) => column[line]).join('  '),
  );
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** Formats a number with its noun: `1 page`, `2,500 pages`. */
export function count(number: number, singular: string): string {
  return `${formatNumber(number)} ${singular}${number === 1 ? '' : 's'}`;
}

export function formatNumber(number: number): string {
  return number.toLocaleString('en');
}
