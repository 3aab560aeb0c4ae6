import yoctoSpinner from 'yocto-spinner';

/** Results on stdout, as text or as JSON; everything else on stderr. */
export class Output {
  /** Whether results are printed as JSON. */
  readonly json: boolean;

  constructor(json: boolean) {
    this.json = json;
  }

  /** The command's result: one JSON value, or its text. */
  result(value: unknown, text: () => string): void {
    process.stdout.write(`${this.json ? JSON.stringify(value) : text()}\n`);
  }

  warn(message: string): void {
    process.stderr.write(`warning: ${message}\n`);
  }

  /** A line that moves while work is under way; nothing where stderr is no terminal. */
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

/** Rows under their headings, in columns as wide as need be; numbers to the right. Any number of rows. */
export function formatTable(rows: readonly Record<string, string | number>[]): string {
  const headings = Object.keys(rows[0] ?? {});
  const columns = headings.map((heading) => {
    const cells = [heading, ...rows.map((row) => row[heading] ?? '')];
    const width = cells.reduce<number>((widest, cell) => Math.max(widest, `${cell}`.length), 0);
    const isNumeric = typeof rows[0]?.[heading] === 'number';
    return cells.map((cell) => (isNumeric ? `${cell}`.padStart(width) : `${cell}`.padEnd(width)));
  });
  const lines = [...rows.keys(), rows.length].map((line) =>
    columns.map((column) => column[line]).join('  '),
  );
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** `1 pages` is no English. */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? singular : plural}`;
}
