import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPng } from './read-png.ts';

/** The path of Chromium or Chrome; undefined if neither is installed. */
export const chromium = ['chromium', 'chromium-browser', 'google-chrome']
  .map((name) => spawnSync('which', [name], { encoding: 'utf8' }).stdout?.trim())
  .find((path) => path);

/** Renders a document and returns the colour of its pixels, `[red, green, blue]`. */
export function render(
  content: string,
  { type, width, height }: { type: 'svg' | 'html'; width: number; height: number },
): (x: number, y: number) => [number, number, number] {
  const folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
  try {
    const [page, image] = [join(folder, `page.${type}`), join(folder, 'page.png')];
    writeFileSync(page, content);
    execFileSync(
      chromium as string,
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
        ...['--force-device-scale-factor=1', `--user-data-dir=${join(folder, 'profile')}`],
        ...[`--window-size=${width},${height}`, `--screenshot=${image}`, `file://${page}`],
      ],
      { stdio: 'ignore', timeout: 50_000 },
    );
    const png = readFileSync(image);
    const copy = process.env['KEEP_SCREENSHOTS'];
    if (copy !== undefined) writeFileSync(join(copy, `${Date.now()}.png`), png);
    return readPng(png);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
