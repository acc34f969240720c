/** Light and dark, compared: the same page in other colours, and nothing of one in the other. */
import { isDeepStrictEqual } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { until } from '../support/until.ts';
import { openConsole, seriousFindings } from './browser.ts';
import { inPages, type StoredApi } from './stored-api.ts';

const inBrowser = inPages();
/** Of the picture, 0 black to 1 white. */
const LIGHT = 0.85;
const DARK = 0.25;

const PAGES = [
  ['#/network', 'Network'],
  ['#/stations', 'Stations'],
  ['#/stations/CP-0001', 'CP-0001'],
  ['#/transactions', 'Transactions'],
  ['#/tokens', 'Tokens'],
  ['#/dead-letters', 'Dead letters'],
  ['#/events', 'Events'],
] as const;

async function fill(api: StoredApi): Promise<void> {
  const { redis } = api;
  for (let number = 1; number <= 40; number++) {
    const id = `CP-${String(number).padStart(4, '0')}`;
    await redis.zadd('ocpp:known-stations', 0, id);
    await redis.hset('ocpp:disconnected', id, '2026-01-01T00:00:00Z');
    const status = JSON.stringify({
      status: number % 7 === 0 ? 'Faulted' : 'Available',
      at: '2026-01-01T00:00:00Z',
    });
    await redis.hset(`ocpp:station:${id}`, { vendor: 'Vendor', model: 'Model', 'status:1': status });
    await redis.hset('ocpp:tokens', `TAG${number}`, '{"status":"Accepted"}');
    await api.close({
      transactionId: String(number),
      stationId: id,
      billId: `b${number}`,
      energy: '15230.5',
    });
  }
}

/** Place and size of each element that is seen, in the order of the page. */
const layout = (page: Page): Promise<readonly string[]> =>
  page.evaluate<readonly string[]>(`[...document.querySelectorAll('body *')].flatMap((element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    if (width === 0 || height === 0) return [];
    return [element.tagName + ' ' + [x, y, width, height].map(Math.round).join(' ')];
  })`);

/** Mean brightness of a screenshot, 0 to 1. A blank page decodes it, as the policy of the console permits no pictures. */
async function brightness(browser: Browser, page: Page): Promise<number> {
  const png = await page.screenshot({ animations: 'disabled' });
  const blank = await browser.newPage();
  const found = await blank.evaluate<number>(`(async () => {
    const bytes = Uint8Array.from(atob('${png.toString('base64')}'), (one) => one.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
    return sum / (data.length / 4) / 765;
  })()`);
  await blank.close();
  return found;
}

for (const [hash, heading] of PAGES) {
  inBrowser(`${heading}: dark is the light page in other colours`, async (t, { api, browser }) => {
    await fill(api);
    const open = async (colorScheme: 'light' | 'dark') => {
      const page = await openConsole(t, browser, api.url, { hash, colorScheme });
      await page.getByRole('heading', { name: heading, exact: true, level: 1 }).waitFor();
      await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => undefined);
      return page;
    };
    const [light, dark] = [await open('light'), await open('dark')];
    const areAlike = async () => isDeepStrictEqual(await layout(dark), await layout(light));
    // A part that is asked for later may be on one of them only.
    await until(areAlike, 'the same layout', 10_000).catch(() => undefined);
    t.deepEqual(await layout(dark), await layout(light));
    t.true((await brightness(browser, light)) > LIGHT, 'light');
    t.true((await brightness(browser, dark)) < DARK, 'dark');
    t.deepEqual(await seriousFindings(dark), []);
    t.deepEqual(await seriousFindings(light), []);
  });
}
