/** The page of events in Chromium: live, paused, filtered, older ones, and where some are missing. */
import { openConsole, seriousFindings } from './browser.ts';
import { HOSTILE, inPages } from './stored-api.ts';

const inBrowser = inPages();
const hash = '#/events';

// Ids of a stream only grow: these are older than those of the other tests.
inBrowser(
  '5000 older ones are read page by page to the oldest, with the keyboard only',
  async (t, { api, browser }) => {
    const empty = await openConsole(t, browser, api.url, { hash });
    await empty.getByText('Nothing has happened yet.').waitFor();
    await empty.close();
    const begin = Date.now() - 5000 * 20_000;
    const pipeline = api.redis.pipeline();
    for (let i = 0; i < 5000; i++)
      pipeline.xadd(
        'ocpp:events',
        `${begin + i * 20_000}-0`,
        'type',
        i % 500 === 0 ? 'rare' : 'often',
        'stationId',
        `CP-${i}`,
      );
    await pipeline.exec();
    const page = await openConsole(t, browser, api.url, { hash });
    await page.getByRole('row', { name: /CP-4999/ }).waitFor();
    const more = page.getByRole('button', { name: 'Load older ones' });
    const oldest = page.locator('.list-footer').getByText('Older events are no longer kept.');
    let steps = 0;
    while (!(await oldest.isVisible()) && steps < 100) {
      if (await more.isVisible()) {
        steps++;
        await more.focus();
        await page.keyboard.press('Enter');
      }
      await page.waitForTimeout(50);
    }
    t.true(steps > 2 && steps < 50, `${steps} steps`);
    await page.getByText(/^5,000 events/).waitFor();
    const rows = await page.locator('table').getAttribute('aria-rowcount');
    t.is(rows, '5001');

    await page.getByLabel('Type', { exact: true }).fill('rare');
    await page.getByText('Loading …').waitFor({ state: 'hidden' });
    while (!(await oldest.isVisible())) {
      if (await more.isVisible()) await more.click();
      await page.waitForTimeout(50);
    }
    await page.getByText(/^10 events/).waitFor();
  },
);

inBrowser(
  'events appear at once, stop at a pause, and are filtered by type and station',
  async (t, { api, browser }) => {
    const page = await openConsole(t, browser, api.url, { hash });
    // The stream begins with new events.
    await page.waitForTimeout(500);
    await api.emit('station-booted', 'CP-1', { protocol: 'ocpp1.6' });
    await page.getByRole('row', { name: /station-booted.*CP-1/ }).waitFor();
    t.deepEqual(await seriousFindings(page), []);

    await page.getByRole('button', { name: 'Pause' }).focus();
    await page.keyboard.press('Enter');
    for (let i = 0; i < 3; i++) await api.emit('connector-status', 'CP-2', { connector: i });
    await page.getByRole('button', { name: 'Resume (3 new)' }).waitFor();
    t.is(await page.getByRole('row', { name: /connector-status/ }).count(), 0);
    await page.keyboard.press('Enter');
    await page
      .getByRole('row', { name: /connector-status/ })
      .nth(2)
      .waitFor();

    await page.getByLabel('Type', { exact: true }).fill('station-booted');
    await page.getByText('1 events').waitFor();
    await page.getByLabel('Station', { exact: true }).fill('CP-3');
    await page.getByText('0 events').waitFor();
    await api.emit('station-booted', 'CP-3', { protocol: 'ocpp2.1' });
    await page.getByRole('row', { name: /CP-3/ }).getByRole('button').focus();
    await page.keyboard.press('Enter');
    const panel = page.getByRole('complementary', { name: 'station-booted' });
    await panel.getByText('protocol: "ocpp2.1"').waitFor();
    t.deepEqual(await seriousFindings(page), []);
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'hidden' });
  },
);

inBrowser('where the stream lost events, a row says so', async (t, { api, browser }) => {
  const page = await openConsole(t, browser, api.url, { hash: '#/tokens', expected: [/ERR_/] });
  await page.goto(`${api.url}/${hash}`);
  await page.waitForTimeout(500);
  await api.emit('station-booted', 'BEFORE');
  await page.getByRole('row', { name: /BEFORE/ }).waitFor();
  const lost = [
    'event: events-lost\ndata: {}\n\n',
    'id: 9000000000001-0\nevent: station-booted\n',
    'data: {"id":"9000000000001-0","at":"2030-01-01T00:00:00Z","type":"station-booted","station":"AFTER","fields":{}}\n\n',
  ].join('');
  await page.route(
    /events\/stream/,
    (route) => route.fulfill({ contentType: 'text/event-stream', body: lost }),
    {
      times: 1,
    },
  );
  await page.context().setOffline(true);
  await page.waitForTimeout(200);
  await page.context().setOffline(false);
  // The open stream ends only with its API.
  api.cutStreams();
  await page.getByRole('row', { name: /AFTER/ }).waitFor({ timeout: 20_000 });
  await page.getByRole('row', { name: /Events lost/ }).waitFor();
  const order = await page.getByRole('row').allTextContents();
  const place = (text: string) => order.findIndex((row) => row.includes(text));
  t.true(place('AFTER') < place('Events lost') && place('Events lost') < place('BEFORE'));
});

inBrowser('hostile events are shown as they are, and run nothing', async (t, { api, browser }) => {
  const page = await openConsole(t, browser, api.url, { hash });
  await page.waitForTimeout(500);
  for (const text of Object.values(HOSTILE))
    await api.emit('data', text.slice(0, 255), { [text]: text, text });
  for (const text of Object.values(HOSTILE)) {
    const link = page.getByRole('link', { name: text.slice(0, 255), exact: true });
    await link.waitFor();
    await page.getByRole('row').filter({ has: link }).getByRole('button').click();
    await page
      .getByRole('complementary')
      .getByText(`text: ${JSON.stringify(text).slice(0, 500)}`)
      .first()
      .waitFor();
    t.true(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'));
  }
  t.is(await page.title(), 'Events – OcppCluster');
});

inBrowser(
  'while the API is away the events stay, and what happened meanwhile follows',
  async (t, { api, browser }) => {
    const page = await openConsole(t, browser, api.url, { hash, expected: [/ERR_/] });
    await page.waitForTimeout(500);
    await api.emit('station-booted', 'STAYS');
    await page.getByRole('row', { name: /STAYS/ }).waitFor();
    await page.context().setOffline(true);
    api.cutStreams();
    await page.getByText(/No connection since/).waitFor();
    await api.emit('station-booted', 'MEANWHILE');
    t.true(await page.getByRole('row', { name: /STAYS/ }).isVisible());
    await page.context().setOffline(false);
    await page.getByRole('row', { name: /MEANWHILE/ }).waitFor({ timeout: 20_000 });
    t.pass();
  },
);
