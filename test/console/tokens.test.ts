/** The page of tokens in Chromium: found, added, changed, deleted, erased, imported and exported. */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { openConsole, seriousFindings } from './browser.ts';
import { HOSTILE, inPages, type StoredApi } from './stored-api.ts';

const inBrowser = inPages();
const hash = '#/tokens';

async function store({ redis }: StoredApi, tokens: Readonly<Record<string, object>>): Promise<void> {
  const entries = Object.entries(tokens).map(([token, entry]) => [token, JSON.stringify(entry)]);
  await redis.hset('ocpp:tokens', Object.fromEntries(entries) as Record<string, string>);
}

const storedIn = async ({ redis }: StoredApi, token: string) =>
  JSON.parse((await redis.hget('ocpp:tokens', token)) ?? 'null') as unknown;

const many = (number: number) =>
  Object.fromEntries(
    Array.from({ length: number }, (_, i) => [
      `TAG${String(i).padStart(5, '0')}`,
      { status: i % 50 === 0 ? 'Blocked' : 'Accepted' },
    ]),
  );

const search = (page: Page) => page.getByLabel('Search by token, parent or type');

inBrowser(
  '5000 tokens: one is found and changed with the keyboard only, and no title names it',
  async (t, { api, browser }) => {
    await store(api, many(5000));
    const page = await openConsole(t, browser, api.url, { hash });
    await page.getByText(/shown, and there are more/).waitFor();
    t.deepEqual(await seriousFindings(page), []);
    await search(page).fill('tag04321');
    await page.getByRole('button', { name: 'TAG04321', exact: true }).focus();
    await page.keyboard.press('Enter');
    const panel = page.getByRole('complementary');
    await panel.getByRole('heading', { name: 'Token …4321' }).waitFor();
    t.deepEqual(await seriousFindings(page), []);
    await panel.getByLabel('Status').selectOption('Blocked');
    await panel.getByLabel('Most energy').fill('-1');
    await panel.getByLabel('Parent or group').fill('FLEET-7');
    await page.keyboard.press('Enter');
    await panel.getByText('Enter a number above 0.').waitFor();
    await panel.getByLabel('Most energy').fill('20000.5');
    await panel.getByLabel('Expires').fill('2030-01-01T00:00:00Z');
    await page.keyboard.press('Enter');
    await page.getByText('Token …4321 was stored.').waitFor();
    t.deepEqual(await storedIn(api, 'TAG04321'), {
      status: 'Blocked',
      expiry: '2030-01-01T00:00:00Z',
      parent: 'FLEET-7',
      maxEnergyWh: 20000.5,
    });
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'hidden' });
    await page.locator(':focus', { hasText: /^TAG04321$/ }).waitFor();
    t.is(await page.title(), 'Tokens – OcppCluster');
    t.false(page.url().includes('TAG'));
  },
);

inBrowser(
  'a token is added and deleted; an entry that changed meanwhile is not overwritten by accident',
  async (t, { api, browser }) => {
    const page = await openConsole(t, browser, api.url, { hash, expected: [/404/] });
    await page.getByText('No token is stored.').waitFor();
    await page.getByRole('button', { name: 'Add a token' }).click();
    const panel = page.getByRole('complementary');
    await panel.getByLabel('Token', { exact: true }).fill('new-1');
    await panel.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Token …EW-1 was stored.').waitFor();
    t.deepEqual(await storedIn(api, 'NEW-1'), { status: 'Accepted' });

    await store(api, { 'NEW-1': { status: 'NoCredit' } });
    await panel.getByLabel('Status').selectOption('Expired');
    await panel.getByRole('button', { name: 'Save' }).click();
    await panel.getByText('with the status NoCredit. Saving replaces it.').waitFor();
    t.deepEqual(await storedIn(api, 'NEW-1'), { status: 'NoCredit' });
    await panel.getByRole('button', { name: 'Replace it nevertheless' }).click();
    await page.getByRole('row', { name: 'NEW-1' }).getByText('Expired').waitFor();
    t.deepEqual(await storedIn(api, 'NEW-1'), { status: 'Expired' });

    await panel.getByRole('button', { name: 'Delete' }).click();
    await page
      .getByRole('dialog', { name: 'Delete the token?' })
      .getByRole('button', { name: 'Delete' })
      .click();
    await page.getByText('Token …EW-1 was deleted.').waitFor();
    await page.getByText('No token is stored.').waitFor();
    t.is(await storedIn(api, 'NEW-1'), null);
  },
);

inBrowser(
  'what was typed survives a token that is removed, and an API that is away',
  async (t, { api, browser }) => {
    await store(api, { A1: { status: 'Accepted' } });
    const page = await openConsole(t, browser, api.url, {
      hash,
      expected: [/401/, /404/, /ERR_INTERNET_DISCONNECTED/],
    });
    await page.getByRole('button', { name: 'Add a token' }).click();
    const panel = page.getByRole('complementary');
    await panel.getByLabel('Token', { exact: true }).fill('KEEP-1');
    await panel.getByLabel('Parent or group').fill('FLEET');
    api.access.delete('admin');
    await panel.getByRole('button', { name: 'Save' }).click();
    const login = page.getByRole('dialog', { name: 'Access token' });
    api.access.set('next', 'admin');
    await login.getByLabel('Token').fill('next');
    await page.keyboard.press('Enter');
    await login.waitFor({ state: 'hidden' });
    await page.context().setOffline(true);
    await panel.getByRole('button', { name: 'Save' }).click();
    await panel.getByText('Failed to fetch').waitFor();
    t.is(await panel.getByLabel('Token', { exact: true }).inputValue(), 'KEEP-1');
    t.is(await panel.getByLabel('Parent or group').inputValue(), 'FLEET');
    await page.context().setOffline(false);
    await panel.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Token …EP-1 was stored.').waitFor();
    t.deepEqual(await storedIn(api, 'KEEP-1'), { status: 'Accepted', parent: 'FLEET' });
  },
);

inBrowser(
  'the history is erased after a warning; an open transaction prevents it',
  async (t, { api, browser }) => {
    await store(api, { GONE: { status: 'Accepted' } });
    const bill = { stationId: 'S', transactionId: '1', billId: 'b', kind: 'final', idTag: 'GONE' };
    await api.append('transactions', [bill, { ...bill, transactionId: '2', billId: 'c' }]);
    await api.redis.zadd('ocpp:open-token:GONE', 1, 'transaction:9');
    const page = await openConsole(t, browser, api.url, { hash, expected: [/409/] });
    await page.getByRole('button', { name: 'GONE', exact: true }).click();
    await page.getByRole('button', { name: 'Erase the history' }).click();
    const dialog = page.getByRole('dialog', { name: 'Erase the history of the token?' });
    await dialog.getByText('This cannot be undone.').waitFor();
    t.true(await dialog.getByRole('button', { name: 'Erase' }).isDisabled());
    await dialog.getByLabel('I have read this').check();
    t.deepEqual(await seriousFindings(page), []);
    await dialog.getByRole('button', { name: 'Erase' }).click();
    await dialog.getByRole('alert').waitFor();
    await api.redis.del('ocpp:open-token:GONE');
    await dialog.getByRole('button', { name: 'Erase' }).click();
    await dialog.getByText('Erased: 2 bills').waitFor();
    const entries = await api.redis.xrange('ocpp:transactions', '-', '+');
    t.false(JSON.stringify(entries).includes('GONE'));
  },
);

inBrowser(
  'tokens leave and return as CSV, whatever they look like; faulty lines are named',
  async (t, { api, browser }) => {
    const tokens = {
      "=CMD|' /C CALC'!A0": { status: 'Accepted' },
      '+49151': { status: 'Blocked', parent: '"FLEET",7' },
      [HOSTILE.right.toUpperCase()]: { status: 'Accepted' },
      [HOSTILE.script.toUpperCase()]: { status: 'Accepted' },
    };
    await store(api, tokens);
    const page = await openConsole(t, browser, api.url, { hash });
    for (const token of Object.keys(tokens))
      await page.getByRole('button', { name: token, exact: true }).waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export CSV' }).click();
    const path = await (await download).path();
    t.true(readFileSync(path, 'utf8').includes('\r\n\'+49151,Blocked,,"""FLEET"",7",'));
    await page.getByText('4 rows were written').waitFor();
    await page.keyboard.press('Escape');

    await api.redis.del('ocpp:tokens');
    await page.getByRole('button', { name: 'Import CSV' }).click();
    const dialog = page.getByRole('dialog', { name: 'Import tokens' });
    t.deepEqual(await seriousFindings(page), []);
    await dialog.getByLabel('File').setInputFiles(path);
    await dialog.getByText('4 lines').waitFor();
    await dialog.getByRole('button', { name: 'Import' }).click();
    await dialog.getByText('4 tokens were stored, 0 lines were refused.').waitFor();
    for (const [token, entry] of Object.entries(tokens))
      t.deepEqual(await storedIn(api, token), entry, token);

    await dialog.getByLabel('or the text of one').fill('token,status\nOK-1,Accepted\n<b>x</b>,Maybe\n');
    await dialog.getByRole('button', { name: 'Import' }).click();
    await dialog.getByText('1 tokens were stored, 1 lines were refused.').waitFor();
    await dialog.getByText('status must be one of').waitFor();
    t.deepEqual(await storedIn(api, 'OK-1'), { status: 'Accepted' });
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'OK-1', exact: true }).waitFor();
  },
);

inBrowser(
  'with a token of scope read nothing can be changed, and the page says why',
  async (t, { api, browser }) => {
    await store(api, { A1: { status: 'Accepted' } });
    const page = await openConsole(t, browser, api.url, { hash, token: 'read' });
    await page.locator('p').getByText('the-read has read').first().waitFor();
    for (const name of ['Add a token', 'Import CSV']) {
      const button = page.getByRole('button', { name });
      t.is(await button.getAttribute('aria-disabled'), 'true');
      t.regex((await button.getAttribute('title')) ?? '', /scope admin/);
    }
    await page.getByRole('button', { name: 'A1', exact: true }).click();
    const panel = page.getByRole('complementary');
    t.is(await panel.getByRole('button', { name: 'Save' }).getAttribute('aria-disabled'), 'true');
    t.is(await panel.getByRole('button', { name: 'Delete' }).getAttribute('aria-disabled'), 'true');
    t.deepEqual(await seriousFindings(page), []);
  },
);
