import Table from 'cli-table3';
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

/** Rows under their headings, in columns as wide as need be; numbers to the right. */
export function formatTable(rows: readonly Record<string, string | number>[]): string {
  const [first = {}] = rows;
  const table = new Table({
    head: Object.keys(first),
    colAligns: Object.values(first).map((cell) => (typeof cell === 'number' ? 'right' : 'left')),
    chars: noBorders,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  table.push(...rows.map((row) => Object.values(row)));
  return table.toString().replaceAll(/ +$/gm, '');
}

const noBorders = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right'],
    ...['bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ].map((place) => [place, '']),
);

/** `1 pages` is no English. */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? singular : plural}`;
}
