/**
 * Pictures of the page Network for the docs, cut to what matters. Times and ends of names of Pods are replaced in them. A picture is only
 * written if its titles, labels or steps changed, as figures differ in each run: delete the former one after any other change of the page.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Page } from 'playwright-core';

const FOLDER = join(import.meta.dirname, '../../docs/pictures');

export interface Pictured {
  /** Of docs/pictures, without its extension. */
  readonly picture: string;
  /** Titles of the cards that are kept. */
  readonly cards: readonly string[];
}

export const pictureFile = ({ picture }: Pick<Pictured, 'picture'>): string => join(FOLDER, `${picture}.png`);

/** Of the page Network. */
export async function takePicture(page: Page, pictured: Pictured): Promise<void> {
  const text = await page.evaluate(prepare, pictured.cards as string[]);
  const picture = await page.locator('.net').screenshot({ animations: 'disabled' });
  await page.evaluate(restore);
  const file = pictureFile(pictured);
  const mark = createHash('sha256').update(text).digest('hex');
  if (existsSync(file) && markOf(readFileSync(file)) === mark) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, withMark(picture, mark));
}

/** Of any page, whole, if there is no such picture yet: delete the former one to have it made again. @param name of docs/pictures */
export async function takeScreen(page: Page, name: string): Promise<void> {
  const file = pictureFile({ picture: name });
  if (existsSync(file)) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, await page.screenshot({ animations: 'disabled' }));
}

/** Of its signature and its first chunk, IHDR; bytes. */
const PNG_HEAD = 33;
const KEYWORD = 'tEXttexts\0';

/** A chunk tEXt (PNG, 11.3.3.2) behind the first one. */
function withMark(png: Buffer, mark: string): Buffer {
  const content = Buffer.from(KEYWORD + mark, 'latin1');
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length - 'tEXt'.length);
  sum.writeUInt32BE(crc32(content));
  return Buffer.concat([png.subarray(0, PNG_HEAD), length, content, sum, png.subarray(PNG_HEAD)]);
}

function markOf(png: Buffer): string | undefined {
  const content = png.toString('latin1', PNG_HEAD + 4, PNG_HEAD + 4 + KEYWORD.length + 64);
  return content.startsWith(KEYWORD) ? content.slice(KEYWORD.length) : undefined;
}

/* The functions below run in the page. */

/**
 * Hides all cards but these, and replaces what is by chance.
 * @param kept titles of cards
 * @returns the texts of the picture that are the same in each run
 */
function prepare(kept: string[]): string {
  const { document, NodeFilter } = globalThis as unknown as PageGlobals;
  for (const card of document.querySelectorAll('.card')) {
    const title = card.querySelector('h2')?.textContent ?? '';
    card.style.display = kept.includes(title) ? '' : 'none';
    card.style.gridColumn = '1 / -1';
  }
  const ends = new Map<string, string>();
  const endOf = (end: string) => {
    if (!ends.has(end)) ends.set(end, ['q7w2k', 'x4n9d', 'm2v8b', 'z6t5r'][ends.size % 4] ?? end);
    return ends.get(end) ?? end;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const text = node.data
      .replaceAll(/\b\d\d:\d\d:\d\d\b/g, '03:12:00')
      .replaceAll(
        /(-(?:ws-proxy-[0-9a-f]+|processor)-[0-9a-f]{10}-)([0-9a-z]{5})\b/g,
        (_, head: string, end: string) => head + endOf(end),
      );
    if (text !== node.data) node.data = text;
  }
  const fixed = document.querySelectorAll('.net :is(h1, h2, dt, th[scope="col"], strong, .net-step)');
  return Array.from(fixed, ({ innerText }) => innerText).join('\n');
}

function restore(): void {
  const { document } = globalThis as unknown as PageGlobals;
  for (const card of document.querySelectorAll('.card')) card.style.display = card.style.gridColumn = '';
}

/** What these functions use of a browser: the types of Node.js know none of it. */
interface PageGlobals {
  readonly document: {
    readonly body: unknown;
    querySelectorAll(selector: string): Iterable<{
      readonly innerText: string;
      readonly style: { display: string; gridColumn: string };
      querySelector(selector: string): { readonly textContent: string } | null;
    }>;
    createTreeWalker(
      root: unknown,
      what: number,
    ): { nextNode(): unknown; readonly currentNode: { data: string } };
  };
  readonly NodeFilter: { readonly SHOW_TEXT: number };
}
