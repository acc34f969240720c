/** What all pages share, in Chromium: streams of tabs that are not seen, and access tokens. */
import { openConsole, seriousFindings } from './browser.ts';
import { inPages } from './stored-api.ts';

const inBrowser = inPages();
const STREAM = /\/v1\/events\/stream/;

/** Hides the tab, or shows it, for its scripts. */
const shown = (isHidden: boolean) =>
  `Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
   document.dispatchEvent(new Event('visibilitychange'));`;

inBrowser(
  'a tab that is not seen closes its stream, and misses nothing when it is seen again',
  async (t, { api, browser }) => {
    const page = await openConsole(t, browser, api.url);
    const streams: (string | undefined)[] = [];
    page.on('request', (request) => {
      if (STREAM.test(request.url())) streams.push(request.headers()['last-event-id']);
    });
    const opened = page.waitForResponse(STREAM);
    await page.goto(`${api.url}/#/events`);
    await page.reload();
    await opened;
    await page.waitForTimeout(500);
    const before = streams.length;

    await page.evaluate(shown(true));
    await page.waitForTimeout(1000);
    await page.evaluate(shown(false));
    const closed = page.waitForEvent('requestfailed', {
      predicate: (request) => STREAM.test(request.url()),
      timeout: 20_000,
    });
    await page.evaluate(shown(true));
    const hiddenAt = Date.now();
    await closed;
    t.true(Date.now() - hiddenAt > 9000, 'who looks at another tab for a moment loses nothing');
    await api.emit('station-booted', 'CP-HIDDEN', { protocol: 'ocpp1.6' });
    await page.waitForTimeout(1500);
    t.is(streams.length, before, 'it is not opened while the tab is hidden');
    await page.getByText(/No connection since/).waitFor({ state: 'hidden' });

    await page.evaluate(shown(false));
    await page.getByRole('row', { name: /station-booted.*CP-HIDDEN/ }).waitFor();
    t.is(streams.length, before + 1);
    t.regex(streams.at(-1) ?? '', /^\d+-\d+$/, 'it resumes from its cursor');
  },
);

/** Makes long waits of the page short. */
const HURRY = `(() => {
  const later = setTimeout;
  setTimeout = (work, ms) => later(work, ms >= 9000 ? ms / 10 : ms);
})()`;

inBrowser('too many streams of a token are a steady line, and no storm', async (t, { api, browser }) => {
  const page = await openConsole(t, browser, api.url, { expected: [/429/] });
  await page.addInitScript(HURRY);
  let refusals = 0;
  await page.route(STREAM, (route) => {
    refusals += 1;
    return route.fulfill({ status: 429, json: { code: 'too-many-requests', detail: 'close one first' } });
  });
  await page.reload();
  const line = page.getByText('Not live: too many streams are open with this token.');
  await line.waitFor();
  t.is(refusals, 1);
  // Requests that succeed do not remove it.
  for (let i = 0; i < 10; i++) {
    await page.waitForTimeout(100);
    t.true(await line.isVisible());
  }
  t.is(refusals, 1);
  t.deepEqual(await seriousFindings(page), []);
  await page.unroute(STREAM);
  await line.waitFor({ state: 'hidden' });
});

inBrowser('signing out leaves nothing of what was typed for the next person', async (t, { api, browser }) => {
  const page = await openConsole(t, browser, api.url, { hash: '#/stations', expected: [/401/] });
  const search = page.getByRole('searchbox');
  const login = page.getByRole('dialog', { name: 'Access token' });
  await search.fill('my secret');
  await page.evaluate('globalThis.before = true');
  // A token that expires keeps it.
  api.access.delete('admin');
  await login.getByText('The API does not know this token').waitFor({ timeout: 40_000 });
  api.access.set('next', 'admin');
  await login.getByLabel('Token').fill('next');
  await page.keyboard.press('Enter');
  await login.waitFor({ state: 'hidden' });
  t.is(await search.inputValue(), 'my secret');
  t.true(await page.evaluate('globalThis.before'));

  await page.getByRole('button', { name: 'Sign out' }).click();
  await login.waitFor();
  t.is(await page.evaluate('globalThis.before'), undefined, 'its memory is gone');
  t.is(await page.evaluate('sessionStorage.getItem("ocpp-token")'), null);
  t.is(await page.evaluate('location.hash'), '');
});

inBrowser(
  'a text that is no token is refused at once, and the dialog warns where there is no TLS',
  async (t, { api, browser }) => {
    const page = await openConsole(t, browser, api.url, { token: '', expected: [/401/] });
    const login = page.getByRole('dialog', { name: 'Access token' });
    await login.waitFor();
    await page.waitForTimeout(500);
    t.is(await login.getByText('The API does not know this token').count(), 0, 'none was given');
    t.is(await login.getByText('This connection has no TLS').count(), 0, '127.0.0.1 is no network');
    for (const odd of ['“admin”', 'two words', 'ключ', 'x'.repeat(513)]) {
      await login.getByLabel('Token').fill(odd);
      await page.keyboard.press('Enter');
      await login.getByText('This is no access token').waitFor();
    }
    t.deepEqual(await seriousFindings(page), []);
    await login.getByLabel('Token').fill('  admin ');
    await page.keyboard.press('Enter');
    await login.waitFor({ state: 'hidden' });
    await page.getByText('the-admin (admin)').waitFor();

    await page.addInitScript('Object.defineProperty(globalThis, "isSecureContext", { value: false })');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await login.getByText('This connection has no TLS').waitFor();
    t.deepEqual(await seriousFindings(page), []);
  },
);
