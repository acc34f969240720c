/** Commands of the page of a station in Chromium, while the API does not answer them: what is sent again, and for how long. */
import type { Page, Route } from 'playwright-core';
import { openConsole } from '../browser.ts';
import { inPages } from '../stored-api.ts';

const inBrowser = inPages();
const hash = '#/stations/CP-1';

/** The API says that the station is connected; what is posted gets the answers of the test. */
async function withStation(page: Page, protocol = 'ocpp1.6'): Promise<void> {
  const station = {
    id: 'CP-1',
    connected: true,
    connection: { since: new Date().toISOString(), remoteAddress: '10.0.0.1', proxy: 'proxy-0' },
    protocol,
    registration: 'Accepted',
    connectors: [],
    openTransactions: 0,
    reported: {},
  };
  await page.route(/\/v1\/stations\/CP-1$/, (route) => route.fulfill({ json: station }));
  await page.goto(`${new URL(page.url()).origin}/${hash}`);
  await page.reload();
  await page.getByText('Connected', { exact: true }).waitFor();
}

/** Answers posts. @returns idempotency keys of all posts, as they come */
async function answerPosts(
  page: Page,
  path: RegExp,
  answer: (route: Route) => Promise<void>,
): Promise<string[]> {
  const keys: string[] = [];
  await page.route(path, async (route) => {
    if (route.request().method() !== 'POST') return route.fallback();
    keys.push(route.request().headers()['idempotency-key'] ?? '');
    await answer(route);
  });
  return keys;
}

/** Lets a test move the clock of the page forward; timers of more than 10 minutes go off then. */
const CLOCK = `(() => {
  const [now, later] = [Date.now, setTimeout];
  let skew = 0;
  const long = [];
  Date.now = () => now() + skew;
  setTimeout = (work, ms) => (ms > 600000 ? long.push([Date.now() + ms, work]) : later(work, ms));
  globalThis.forward = (ms) => {
    skew += ms;
    for (const [at, work] of long) if (at <= Date.now()) work();
  };
})()`;

inBrowser(
  'a lost command is uncertain after 50 minutes, and not offered to be sent again',
  async (t, { api, browser }) => {
    const page = await openConsole(t, browser, api.url, { expected: [/ERR_/, /403/, /404/] });
    await page.addInitScript(CLOCK);
    // As on a page without TLS.
    await page.addInitScript('delete Crypto.prototype.randomUUID');
    await withStation(page);
    let answer = (route: Route) => route.abort();
    const keys = await answerPosts(page, /CP-1\/unlock$/, (route) => answer(route));
    await page.getByRole('button', { name: 'Unlock …' }).click();
    await page.getByRole('textbox', { name: 'Connector' }).fill('1');
    await page.getByRole('button', { name: 'Unlock it' }).click();
    const command = page.getByRole('log').getByRole('listitem');
    await command.getByText('The API answers again, and does not know the command').waitFor();
    // A refusal of the second attempt says nothing of the first one.
    answer = (route) => route.fulfill({ status: 403, json: { code: 'forbidden', detail: 'not you' } });
    await command.getByRole('button', { name: 'Send again' }).click();
    await command.getByText('(not you)').waitFor();
    await command.getByText('The API answers again').waitFor();
    t.deepEqual(keys, [keys[0], keys[0]]);
    t.regex(keys[0] ?? '', /^[0-9a-f]{32}$/);
    await page.evaluate('forward(49 * 60_000)');
    await page.waitForTimeout(200);
    t.is(await command.getByRole('button').count(), 1);
    await page.evaluate('forward(2 * 60_000)');
    await command.getByText('Uncertain', { exact: true }).waitFor();
    await command.getByText('ask someone at the station').waitFor();
    t.is(await command.getByRole('button').count(), 0);
    t.is(keys.length, 2);
  },
);

inBrowser('a command is confirmed unless it only asks, and sent once', async (t, { api, browser }) => {
  const page = await openConsole(t, browser, api.url);
  await withStation(page);
  const { promise: isOver, resolve: answerAll } = Promise.withResolvers<void>();
  const answer = { id: 'k', station: 'CP-1', state: 'answered', answer: { kind: 'result', payload: {} } };
  const keys = await answerPosts(page, /CP-1\/(?:commands|trigger)$/, async (route) => {
    await isOver;
    await route.fulfill({ json: answer });
  });
  const choose = async (action: string) => {
    await page.getByRole('combobox', { name: 'Action', exact: true }).selectOption(action);
    await page.getByRole('button', { name: 'Send', exact: true }).waitFor();
  };
  await choose('GetDiagnostics');
  await page.getByLabel(/^location/).fill('https://elsewhere.example/');
  await page.getByRole('button', { name: 'Send', exact: true }).dblclick();
  const dialog = page.getByRole('dialog', { name: 'Send GetDiagnostics?' });
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  t.deepEqual(keys, [], 'an upload is confirmed');

  await choose('GetLocalListVersion');
  await page.getByRole('button', { name: 'Send', exact: true }).dblclick();
  const busy = page.getByRole('button', { name: 'Sending …' });
  await busy.waitFor();
  await busy.click({ force: true });
  t.is(await busy.getAttribute('aria-disabled'), 'true');

  await page.getByRole('button', { name: 'Trigger …' }).click();
  await page.getByRole('button', { name: 'Request it' }).click();
  await page.getByRole('button', { name: 'Trigger …' }).click();
  const form = page.getByRole('dialog', { name: 'Request a message' });
  await form.getByRole('button', { name: 'Sending …' }).click({ force: true });
  t.is(keys.length, 2);
  answerAll();
  await form.getByRole('button', { name: 'Request it' }).click();
  await page.getByRole('log').getByRole('listitem').nth(2).waitFor();
  await page.getByRole('button', { name: 'Send', exact: true }).waitFor();
  t.is(new Set(keys).size, 3);
});

for (const [protocol, safest] of [
  ['ocpp1.6', 'soft'],
  ['ocpp2.1', 'idle'],
] as const)
  inBrowser(
    `a reset of ${protocol} is chosen by a person while a transaction is open`,
    async (t, { api, browser }) => {
      const page = await openConsole(t, browser, api.url);
      await withStation(page, protocol);
      const posts: unknown[] = [];
      await page.route(/CP-1\/reset$/, (route) => {
        posts.push(route.request().postDataJSON());
        return route.fulfill({ status: 202, json: { id: 'k', station: 'CP-1', state: 'sent' } });
      });
      const form = page.getByRole('dialog', { name: 'Reset the station' });
      await page.getByRole('button', { name: 'Reset …' }).click();
      t.is(await form.getByLabel('Kind').inputValue(), safest);
      await form.getByRole('button', { name: 'Cancel' }).click();

      await api.open('7', 'CP-1');
      await page.getByText('Transaction 7').first().waitFor();
      await page.getByRole('button', { name: 'Reset …' }).click();
      await form.getByText('A transaction is running there.').waitFor();
      await form.getByRole('button', { name: 'Reset it' }).click();
      t.true(await form.isVisible());
      t.deepEqual(posts, [], 'nothing is chosen');
      await form.getByLabel('Kind').selectOption(safest);
      await form.getByRole('button', { name: 'Reset it' }).click();
      await form.waitFor({ state: 'hidden' });
      t.like(posts[0], { type: safest });
    },
  );
