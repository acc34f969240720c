/** The page of the network in Chromium: what is wrong is the first sentence, and why is below it. */
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import type { Browser, Page } from 'playwright-core';
import { memoryApi } from '../api/memory-api.ts';
import {
  buildConsole,
  CHROMIUM,
  NO_CHROMIUM,
  openConsole,
  type OpenOptions,
  seriousFindings,
  startBrowser,
} from './browser.ts';
import {
  clusterWith,
  condition,
  DEGRADED,
  FIGURES,
  HEALTHY,
  MONOLITH,
  moving,
  proxy,
  SIXTY,
  WEBHOOKS,
} from './network-states.ts';
import { type ScriptedApi, type ScriptedStatus, startScriptedApi } from './scripted-api.ts';

const test = anyTest as TestFn<{ api: ScriptedApi }>;
const inBrowser = CHROMIUM === undefined ? test.skip : test.serial;
if (CHROMIUM === undefined) {
  if (process.env['CI'] === 'true') throw new Error(NO_CHROMIUM);
  process.stderr.write(`SKIPPED: ${NO_CHROMIUM}\n`);
}

let browser: Browser;
test.before(async () => {
  if (CHROMIUM === undefined) return;
  buildConsole();
  browser = await startBrowser();
});
test.after.always(() => browser?.close());
// The API remembers figures for a moment: those of the test before are not this one's.
test.beforeEach(async (t) => {
  if (CHROMIUM !== undefined) t.context = { api: await startScriptedApi() };
});
test.afterEach.always((t) => t.context.api?.[Symbol.asyncDispose]());

type T = ExecutionContext<{ api: ScriptedApi }>;

async function open(t: T, status: ScriptedStatus, options: OpenOptions = {}): Promise<Page> {
  const { api } = t.context;
  api.show(status);
  return openConsole(t, browser, api.url, { hash: '#/network', ...options });
}

/** The first sentence. */
const headline = (page: Page, words: string | RegExp) =>
  page.locator('.net-headline').getByRole('heading', { name: words });
/** The value of a name in a card. */
const fact = (page: Page, card: string, name: string) =>
  page
    .getByRole('region', { name: card, exact: true })
    .locator('dl > div', { has: page.getByText(name, { exact: true }) })
    .locator('dd');
const tile = (page: Page, name: string) =>
  page.locator('.net-tile', { has: page.getByText(name, { exact: true }) }).locator('.net-value');

inBrowser('a healthy network says so, with the sentence why there are so many processors', async (t) => {
  const page = await open(t, HEALTHY);
  await headline(page, 'Stations are served').waitFor();
  t.is(await tile(page, 'Connected').innerText(), '1,234');
  t.is(await tile(page, 'Memory of Redis').innerText(), '12.3 %');
  await page.getByText('61.2 frames/s arrive').first().waitFor();
  t.is(await fact(page, 'Processors', 'Wanted').innerText(), '2');
  t.is(await fact(page, 'Processors', 'Least – most').innerText(), '2 – 10');
  t.is(await fact(page, 'Redis', 'Login').innerText(), 'accepted');
  await page.getByText(/the fullest, city-ws-proxy-5d8f7-6c9d5b-8hnvw, has 431 \(\+5 %\)/).waitFor();
  await page.getByText('1 remark on the configuration: Redis is one Pod').click();
  await page.getByText('Accept an outage of minutes').waitFor();
});

inBrowser('what is wrong is the first sentence, with its message and what to do', async (t) => {
  const page = await open(t, HEALTHY);
  await headline(page, 'Stations are served').waitFor();
  await page.route('**/v1/webhooks', (route) => route.fulfill({ json: WEBHOOKS }));
  t.context.api.show(DEGRADED);
  await headline(page, 'Stations are connected and wait: no processor is ready').waitFor();
  await page.getByText('Check the processor Pods: kubectl -n charging get pods.').waitFor();
  await page.getByText('8,400 messages wait; the oldest for 47 s').waitFor();
  await page.getByText('Dead letters wait: 3').waitFor();
  await page.getByText('The webhook billing fails: its events wait').waitFor({ timeout: 20_000 });
  await page.getByText('connect ECONNREFUSED 10.0.4.7:443').waitFor();
  t.context.api.show(HEALTHY);
  await headline(page, 'The webhook billing fails').waitFor();
  t.is(await page.getByText('no processor is ready').count(), 0);
});

inBrowser('a rollout is watched as it moves, to its end', async (t) => {
  const page = await open(t, moving(200, 150));
  const card = page.getByRole('region', { name: 'Rollout of the ws-proxies' });
  const sets = card.locator('.net-set strong');
  await headline(page, 'A rollout replaces Pods').waitFor();
  await card.getByText('1000 stations are left on the old Pods').waitFor();
  t.is(await card.locator('[aria-current=step]').textContent(), 'Moving now');
  t.deepEqual(await sets.allInnerTexts(), ['1,000', '50', '150']);
  t.is(await fact(page, 'Rollout of the ws-proxies', 'Moved').innerText(), '200 of 1,200');
  t.is(await page.locator('.net-side.old').count(), 3);
  t.is(await page.locator('.net-side.new').count(), 2);
  t.context.api.show(moving(700, 690));
  await card
    .getByRole('img', { name: /^500 stations on the old set, 10 in between, 690 on the new/ })
    .waitFor();
  const ended = moving(1200, 1200).cluster?.status.rollout;
  const rollout = { id: '1', toSet: '', startedTime: '', phaseTime: '', ...ended, phase: 'Completed' };
  const message = 'every station is on the new set';
  t.context.api.show({
    ...HEALTHY,
    cluster: clusterWith([], { rollout: { ...rollout, message, finishedTime: '2026-03-01T09:00:00Z' } }),
  });
  await card.waitFor({ state: 'detached' });
  await page.getByText(/Last rollout: Completed at .*every station is on the new set/).waitFor();
  await headline(page, 'Stations are served').waitFor();
});

inBrowser('sixty ws-proxies fit, and the one that has too many stations is named', async (t) => {
  const page = await open(t, SIXTY);
  await headline(page, 'Stations are spread unevenly').waitFor();
  await page.getByText('city-ws-proxy-5d8f7-6c9d5b-00017 has 1,500 stations').waitFor();
  const rows = page.getByRole('region', { name: 'ws-proxies and their stations' }).locator('tbody tr');
  t.is(await rows.count(), 60);
  t.regex(await rows.first().innerText(), /00017\s+1,500\s+\+192 %/);
});

inBrowser('names and messages run no script, however long they are', async (t) => {
  const script = `<script>document.title='run'</script><img src=x onerror="document.title='run'">`;
  const message = `${script} ${'a-very-long-message '.repeat(200)}`;
  const page = await open(
    t,
    {
      ...HEALTHY,
      proxies: [proxy(script, 20), proxy('n'.repeat(253), 20)],
      cluster: clusterWith([condition('Degraded', 'True', 'PodsNotStarting', message)], {
        autoscaling: { reason: message },
      }),
    },
    { viewport: { width: 400, height: 800 } },
  );
  await headline(page, 'Pods do not start').waitFor();
  await page.getByRole('rowheader', { name: script, exact: true }).waitFor();
  await page.getByText('(the whole message)').click();
  t.not(await page.title(), 'run');
  t.true(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'));
});

inBrowser('what is not known is no 0: one program, Kubernetes away, no figure at all', async (t) => {
  const page = await open(t, MONOLITH);
  await headline(page, 'Every figure that is known is within its bounds').waitFor();
  t.is(await tile(page, 'Waiting messages').innerText(), '0');
  for (const name of ['In flight', 'ws-proxies', 'Processors', 'Memory of Redis'])
    t.is(await tile(page, name).innerText(), '–', name);
  for (const name of ['Memory', 'Login', 'Prefix', 'Data', 'Certificate ends'])
    t.is(await fact(page, 'Redis', name).innerText(), '–', name);
  await page.getByText(/^Since this page was opened/).waitFor();
  await page.getByText(/^Not known: .*Memory of Redis/).waitFor();
  const { cluster: _none, ...without } = HEALTHY;
  t.context.api.show({
    ...without,
    clusterProblem: 'the OcppCluster object cannot be read: it answered 403',
  });
  await headline(page, 'Kubernetes does not answer').waitFor();
  await page.getByText('it answered 403').waitFor();
  t.is(await tile(page, 'Connected').innerText(), '1,234');
  t.context.api.show({});
  await headline(page, 'No figure is known').waitFor();
  t.is(await tile(page, 'Connected').innerText(), '–');
});

inBrowser('the API over memory has such a page, too', async (t) => {
  const api = await memoryApi().api;
  t.teardown(() => api.close());
  const url = await api.listen({ host: '127.0.0.1', port: 0 });
  const page = await openConsole(t, browser, url, { hash: '#/network' });
  await headline(page, 'Every figure that is known is within its bounds').waitFor();
  t.is(await tile(page, 'Connected').innerText(), '0');
});

inBrowser('with a Prometheus the charts have the last hour, and the polls after it', async (t) => {
  const page = await open(t, HEALTHY, { hash: '#/stations' });
  const now = Math.floor(Date.now() / 1000);
  const stationsConnected = Array.from({ length: 120 }, (_, i) => [now - 3600 + i * 30, 1000 + i]);
  const refusedPerSecond = [[now - 60, 0.25]];
  const history = { source: 'prometheus', step: 30, series: { stationsConnected, refusedPerSecond } };
  await page.route('**/v1/history', (route) => route.fulfill({ json: history }));
  await page.getByRole('link', { name: 'Network' }).click();
  await page.getByRole('heading', { name: 'The last hour' }).waitFor();
  const chart = (name: string) => page.locator('figure', { has: page.getByText(name, { exact: true }) });
  await chart('Stations connected').getByText('Stations connected: 1,234').waitFor({ state: 'attached' });
  await chart('Refused handshakes per second')
    .getByText(/: 0\.3/)
    .waitFor({ state: 'attached' });
  t.is(await page.getByText(/^Since this page was opened/).count(), 0);
});

inBrowser('while no status comes, old figures are not called healthy', async (t) => {
  const page = await open(t, HEALTHY, { expected: [/503/] });
  await headline(page, 'Stations are served').waitFor();
  const detail = 'Redis does not answer';
  await page.route('**/v1/status', (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', json: { code: 'store', detail } }),
  );
  await headline(page, /^This page shows figures of .*Redis does not answer/).waitFor();
  t.is(await tile(page, 'Connected').innerText(), '1,234');
  await page.unroute('**/v1/status');
  await headline(page, 'Stations are served').waitFor();
});

inBrowser('axe finds nothing serious, light and dark, wide and narrow', async (t) => {
  const states = [DEGRADED, moving(400, 380), MONOLITH];
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await open(t, HEALTHY, { colorScheme, viewport: { width: 1280, height: 800 } });
    await page.route('**/v1/webhooks', (route) => route.fulfill({ json: WEBHOOKS }));
    for (const [i, state] of states.entries()) {
      const stationsConnected = 5000 + i;
      t.context.api.show({ ...state, figures: { ...(state.figures ?? FIGURES), stationsConnected } });
      await tile(page, 'Connected').getByText(`5,00${i}`).waitFor();
      t.deepEqual(await seriousFindings(page), [], `${colorScheme} ${i}`);
      await page.setViewportSize({ width: i % 2 === 0 ? 360 : 1280, height: 800 });
      t.true(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'), `${i}`);
    }
  }
});
