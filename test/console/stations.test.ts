/** The frame of the console and its page of stations, in Chromium, over real programs. */
import anyTest, { type TestFn } from 'ava';
import { Redis } from 'ioredis';
import type { Browser } from 'playwright-core';
import { type ApiCluster, startApiCluster } from '../api/cluster.ts';
import { startRelay } from './relay.ts';
import { startSimulation } from '../simulator/simulation.ts';
import {
  buildConsole,
  CHROMIUM,
  NO_CHROMIUM,
  openConsole,
  seriousFindings,
  startBrowser,
} from './browser.ts';

const test = anyTest as TestFn<{ cluster: ApiCluster; browser: Browser; redis: Redis }>;
const inBrowser = CHROMIUM === undefined ? test.skip : test.serial;
if (CHROMIUM === undefined) {
  if (process.env['CI'] === 'true') throw new Error(NO_CHROMIUM);
  process.stderr.write(`SKIPPED: ${NO_CHROMIUM}\n`);
}

test.before(async (t) => {
  if (CHROMIUM === undefined) return;
  buildConsole();
  t.context.cluster = await startApiCluster();
  t.context.browser = await startBrowser();
  t.context.redis = new Redis(t.context.cluster.redis.port);
});
test.after.always(async (t) => {
  await t.context.browser?.close();
  t.context.redis?.disconnect();
  await t.context.cluster?.[Symbol.asyncDispose]();
});

/** A busy machine may delay one of them. */
const ATTEMPTS = 3;

inBrowser('the first charger appears within a second of its boot', async (t) => {
  const { cluster, browser } = t.context;
  const page = await openConsole(t, browser, cluster.api.apiUrl, { hash: '#/stations' });
  await page.getByText('No station has connected yet').waitFor();
  const delays: number[] = [];
  for (let attempt = 1; attempt <= ATTEMPTS && !(Math.min(...delays) < 1000); attempt++) {
    const prefix = `FIRST${attempt}`;
    const simulation = startSimulation({ url: cluster.proxy.url, stations: 1, seconds: 20, prefix });
    t.teardown(() => simulation.stop());
    await page
      .getByRole('row', { name: `${prefix}-0001` })
      .getByText('Simulated')
      .waitFor();
    const shown = Date.now();
    const { body } = await cluster.ask('GET', `/v1/stations/${prefix}-0001`);
    delays.push(shown - Date.parse((body['boot'] as { readonly at: string }).at));
  }
  t.log(`ms after its boot: ${delays.join(', ')}`);
  t.true(Math.min(...delays) < 1000);
});

inBrowser(
  'the page of stations needs no mouse, and axe finds nothing serious in it, light and dark',
  async (t) => {
    const { cluster, browser } = t.context;
    const simulation = startSimulation({ url: cluster.proxy.url, stations: 60, seconds: 60, prefix: 'KEY' });
    t.teardown(() => simulation.stop());
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await openConsole(t, browser, cluster.api.apiUrl, { hash: '#/stations', colorScheme });
      await page.getByRole('searchbox').focus();
      await page.keyboard.type('key-');
      await page.getByText(/^60 of/).waitFor();
      t.deepEqual(await seriousFindings(page), []);
      await page.getByRole('link', { name: 'KEY-0001', exact: true }).focus();
      await page.keyboard.press('End');
      await page.locator('a:focus', { hasText: 'KEY-0060' }).waitFor();
      await page.keyboard.press('ArrowUp');
      await page.locator('a:focus', { hasText: 'KEY-0059' }).waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL(/#\/stations\/KEY-0059$/);
    }
  },
);

inBrowser('a narrow screen has no page wider than itself', async (t) => {
  const { cluster, browser } = t.context;
  for (const hash of [
    '#/network',
    '#/stations',
    '#/transactions',
    '#/tokens',
    '#/dead-letters',
    '#/events',
  ]) {
    const page = await openConsole(t, browser, cluster.api.apiUrl, {
      hash,
      viewport: { width: 360, height: 740 },
    });
    await page.getByRole('navigation').waitFor();
    t.true(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'), hash);
  }
});

inBrowser('without a token, and with one that the API does not know, the page asks for one', async (t) => {
  const { cluster, browser } = t.context;
  const page = await openConsole(t, browser, cluster.api.apiUrl, {
    token: '',
    hash: '#/stations',
    expected: [/401/],
  });
  const dialog = page.getByRole('dialog', { name: 'Access token' });
  await dialog.getByLabel('Token').fill('wrong');
  await page.keyboard.press('Enter');
  await dialog.getByText('The API does not know this token').waitFor();
  await dialog.getByLabel('Token').fill('read');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'hidden' });
  await page.getByText('the-read (read)').waitFor();
  t.deepEqual(await seriousFindings(page), []);
});

inBrowser('the identity of a station runs no script', async (t) => {
  const { cluster, browser, redis } = t.context;
  const id = `"'><img src=x onerror="document.title='run'">`;
  await redis.zadd('ocpp:known-stations', 0, id);
  await redis.hset(`ocpp:disconnected`, id, '2026-01-01T00:00:00Z');
  const page = await openConsole(t, browser, cluster.api.apiUrl, { hash: '#/stations' });
  const link = page.getByRole('link', { name: id, exact: true });
  await link.waitFor();
  await link.click();
  await page.waitForURL((url) => decodeURIComponent(url.hash) === `#/stations/${id}`);
  t.not(await page.title(), 'run');
});

inBrowser('while the API is away the page says so and keeps what it knows; then it heals', async (t) => {
  const { cluster, browser, redis } = t.context;
  await redis.zadd('ocpp:known-stations', 0, 'AWAY-1');
  await using relay = await startRelay(cluster.api.apiUrl);
  const page = await openConsole(t, browser, relay.url, {
    hash: '#/stations',
    expected: [/ERR_/],
  });
  await page.getByRole('link', { name: 'AWAY-1', exact: true }).waitFor();
  relay.cut();
  await page.getByText(/No connection since/).waitFor({ timeout: 40_000 });
  t.true(await page.getByRole('link', { name: 'AWAY-1', exact: true }).isVisible());
  await redis.zadd('ocpp:known-stations', 0, 'AWAY-2');
  relay.mend();
  await page.getByText(/No connection since/).waitFor({ state: 'hidden', timeout: 40_000 });
  await page.getByRole('link', { name: 'AWAY-2', exact: true }).waitFor({ timeout: 40_000 });
});
