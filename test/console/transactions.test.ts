/** The page of transactions in Chromium: lists of thousands, filters, events, the detail, a correction, and the CSV. */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { openConsole, seriousFindings } from './browser.ts';
import { until } from '../support/until.ts';
import { HOSTILE, inPages } from './stored-api.ts';

const inBrowser = inPages();
const BILL = {
  stationId: 'CP-7',
  transactionId: '77',
  billId: 'first',
  protocol: 'ocpp1.6',
  meterStart: '1000',
  meterStop: '16230.5',
  energy: '15230.5',
  startedAt: '2026-01-01T00:00:00Z',
  stoppedAt: '2026-01-01T01:00:00Z',
};

const bills = (number: number, fields: object = {}) =>
  Array.from({ length: number }, (_, i) => ({
    ...BILL,
    stationId: `CP-${i % 40}`,
    transactionId: `${1000 + i}`,
    billId: `bill-${i}`,
    kind: i % 7 === 0 ? 'abandoned' : 'final',
    ...(i % 1000 === 0 && { notes: 'meter-below-start linked' }),
    ...fields,
  }));

async function csvOf(page: Page): Promise<string> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export CSV' }).click();
  const text = readFileSync(await (await download).path(), 'utf8');
  await page
    .getByRole('dialog')
    .getByText(/rows were written/)
    .waitFor();
  await page.keyboard.press('Escape');
  return text;
}

inBrowser(
  '5000 bills are read page by page, filtered and exported, with the keyboard only',
  async (t, { api, browser }) => {
    await api.append('transactions', bills(5000));
    const page = await openConsole(t, browser, api.url, {
      hash: '#/transactions?state=closed',
      expected: [/404/],
    });
    await page.getByText('500 shown, and there are more').waitFor();
    t.deepEqual(await seriousFindings(page), []);
    await page.getByRole('link', { name: '5999', exact: true }).focus();
    await page.keyboard.press('End');
    await page.getByText('1,000 shown, and there are more').waitFor();
    await page.locator(':focus', { hasText: /^5500$/ }).waitFor();
    await page.getByLabel('Doubtful only').focus();
    await page.keyboard.press('Space');
    await page.getByText(/^5 of 5,000/).waitFor();
    t.is((await csvOf(page)).split('\r\n').length, 1 + 5 + 1);
    await page.getByLabel('Doubtful only').focus();
    await page.keyboard.press('Space');
    await page.getByLabel('Station', { exact: true }).fill('CP-3');
    await page.getByText('125 shown').waitFor();
    await page.getByLabel('Transaction', { exact: true }).fill('1003');
    await page.getByRole('link', { name: '1003', exact: true }).focus();
    t.is(await page.getByRole('row').count(), 2);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Transaction 1003' }).waitFor();
    t.deepEqual(await seriousFindings(page), []);
  },
);

inBrowser(
  'the CSV has exact numbers and nothing that a spreadsheet runs; an export can be cancelled',
  async (t, { api, browser }) => {
    await api.append('transactions', [
      { ...BILL, energy: '-0.000000000000000001', idTag: '=HYPERLINK("http://x")', reason: '@SUM(A1),"x"' },
    ]);
    const page = await openConsole(t, browser, api.url, { hash: '#/transactions?state=closed' });
    const [header = '', row = ''] = (await csvOf(page)).split('\r\n');
    t.true(header.startsWith('state,station,transaction,'));
    t.true(row.includes(',-0.000000000000000001,'));
    t.true(row.includes(`,"'=HYPERLINK(""http://x"")",`));
    t.true(row.includes(`,"'@SUM(A1),""x""",`));

    await page.route(/limit=1000/, async () => undefined);
    await page.getByRole('button', { name: 'Export CSV' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export as CSV' });
    await dialog.getByText('0 rows of 0').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'hidden' });
  },
);

inBrowser(
  'a transaction appears when it starts, and moves to the bills when it stops',
  async (t, { api, browser }) => {
    const page = await openConsole(t, browser, api.url, { hash: '#/transactions' });
    await page.getByText('No transaction is open').waitFor();
    await api.open('9', 'LIVE-1', { idTag: 'TAG', meterStart: '0', lastMeter: '2500' });
    await api.emit('transaction-started', 'LIVE-1', { transactionId: '9' });
    await page
      .getByRole('row', { name: /LIVE-1/ })
      .getByText('2.5 kWh')
      .waitFor();
    await api.emit('transaction-stopped', 'LIVE-1', { transactionId: '9' });
    await page.getByText('No transaction is open').waitFor();
    await page.getByRole('button', { name: 'Closed' }).click();
    await page.getByText('There is no bill yet').waitFor();
    await api.close({ ...BILL, stationId: 'LIVE-1', transactionId: '9', billId: 'b9' });
    await api.emit('transaction-stopped', 'LIVE-1', { transactionId: '9' });
    await page
      .getByRole('row', { name: /LIVE-1/ })
      .getByText('15.231 kWh')
      .waitFor();
    t.pass();
  },
);

inBrowser('texts of stations are shown as they are, and run nothing', async (t, { api, browser }) => {
  const texts = Object.values(HOSTILE);
  const entries = texts.map((text, i) => ({
    ...BILL,
    transactionId: `${i}`,
    billId: `b${i}`,
    stationId: text.slice(0, 255),
    idTag: text,
    reason: text,
    notes: text,
  }));
  await api.append('transactions', entries);
  for (const [i, text] of texts.entries())
    await api.redis.hset(`ocpp:transaction:${i}`, {
      stationId: text.slice(0, 255),
      billId: `b${i}`,
      closed: 'x',
    });
  const page = await openConsole(t, browser, api.url, { hash: '#/transactions?state=closed' });
  for (const text of texts) await page.getByRole('link', { name: text.slice(0, 255), exact: true }).waitFor();
  for (const [i, text] of texts.entries()) {
    await page.getByRole('link', { name: `${i}`, exact: true }).click();
    await page.getByRole('heading', { name: `Transaction ${i}` }).waitFor();
    await page.getByText('Reason of the end').waitFor();
    t.true((await page.locator('dd').allTextContents()).includes(text));
    t.true(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'));
    await page.goBack();
  }
  await until(async () => (await page.title()) === 'Transactions – OcppCluster', 'the title of the list');
});

inBrowser(
  'a correction says what is billed instead, survives a removed token, and meets another correction',
  async (t, { api, browser }) => {
    await api.close(BILL);
    const page = await openConsole(t, browser, api.url, {
      hash: '#/transactions/CP-7/77',
      expected: [/401/, /409/],
    });
    await page.getByRole('button', { name: 'Correct the bill' }).click();
    await page.getByLabel('Energy in Wh').fill('14000,25');
    await page.getByLabel('Reason', { exact: true }).fill('The meter was exchanged.');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText('Enter a number from 0 with a point').waitFor();
    await page.getByLabel('Energy in Wh').fill('14000.25');
    t.deepEqual(await seriousFindings(page), []);
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Replace the bill?' });
    await dialog.getByText('15.2305 kWh (15230.5 Wh)').waitFor();
    await dialog.getByText('14.00025 kWh (14000.25 Wh)').waitFor();
    t.deepEqual(await seriousFindings(page), []);

    const warning = dialog.getByText('by a factor of 100 or more');
    t.is(await warning.count(), 0);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByLabel('Energy in Wh').fill('14.00025');
    await page.keyboard.press('Enter');
    await warning.waitFor();
    t.deepEqual(await seriousFindings(page), []);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByLabel('Energy in Wh').fill('14000.25');
    await page.keyboard.press('Enter');
    await dialog.getByText('14.00025 kWh').waitFor();

    api.access.delete('admin');
    await dialog.getByRole('button', { name: 'Replace the bill' }).click();
    const login = page.getByRole('dialog', { name: 'Access token' });
    await login.getByText('What you typed on the page is kept.').waitFor();
    api.access.set('next', 'admin');
    // The new token makes the page read the bill again, which must not show it the other correction too early.
    const { promise: isSent, resolve: letRead } = Promise.withResolvers<void>();
    await page.route(/transactions\/77$/, async (route) => {
      await isSent;
      await route.continue();
    });
    await login.getByLabel('Token').fill('next');
    await page.keyboard.press('Enter');
    await login.waitFor({ state: 'hidden' });

    // Another one comes first.
    const path = `${api.url}/v1/stations/CP-7/transactions/77/corrections`;
    const headers = { authorization: 'Bearer next', 'content-type': 'application/json' };
    const correctBy = (body: object) => fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    t.is((await correctBy({ billId: 'first', energy: '1', because: 'other' })).status, 200);
    await dialog.getByRole('button', { name: 'Replace the bill' }).click();
    await dialog.getByText(/is no longer first/).waitFor();
    letRead();
    await dialog.getByText('Another correction came first: the bill now has 0.001 kWh (1 Wh).').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    t.is(await page.getByLabel('Energy in Wh').inputValue(), '14000.25');
    t.is(await page.getByLabel('Reason', { exact: true }).inputValue(), 'The meter was exchanged.');
    await page.getByRole('button', { name: 'Check the correction' }).click();
    await dialog.getByText('0.001 kWh (1 Wh)').waitFor();
    await dialog.getByRole('button', { name: 'Replace the bill' }).click();
    await page.getByText(/The bill has 14.00025 kWh \(14000.25 Wh\) now/).waitFor();
    const chain = page.locator('.chain li');
    await chain.nth(2).waitFor();
    t.deepEqual(await chain.locator('strong').allTextContents(), [
      '14.00025 kWh',
      '0.001 kWh',
      '15.2305 kWh',
    ]);
    t.true((await chain.first().textContent())?.includes('The meter was exchanged.'));
  },
);

inBrowser('a token of scope read sees why it cannot correct', async (t, { api, browser }) => {
  await api.close(BILL);
  const page = await openConsole(t, browser, api.url, { hash: '#/transactions/CP-7/77', token: 'read' });
  await page
    .locator('p')
    .getByText('Changes here need an access token with the scope admin; the-read has read.')
    .waitFor();
  const button = page.getByRole('button', { name: 'Correct the bill' });
  t.is(await button.getAttribute('aria-disabled'), 'true');
  await button.click({ force: true });
  t.is(await page.getByLabel('Reason', { exact: true }).count(), 0);
});

inBrowser(
  'a bill whose mark has expired is shown, and one that never was is not',
  async (t, { api, browser }) => {
    await api.append('transactions', [{ ...BILL, kind: 'final' }]);
    const page = await openConsole(t, browser, api.url, {
      hash: '#/transactions/CP-7/77',
      expected: [/404/],
    });
    await page.getByText('15.2305 kWh').first().waitFor();
    await page.locator('p').getByText('can no longer be corrected').waitFor();
    const other = await openConsole(t, browser, api.url, {
      hash: '#/transactions/CP-7/78',
      expected: [/404/],
    });
    await other.getByText('station CP-7 has no transaction 78').waitFor();
    t.pass();
  },
);

inBrowser(
  'while the API is away the list says so, keeps its rows, and goes on',
  async (t, { api, browser }) => {
    await api.append('transactions', bills(1200));
    const page = await openConsole(t, browser, api.url, {
      hash: '#/transactions?state=closed',
      expected: [/ERR_INTERNET_DISCONNECTED/],
    });
    await page.getByText('500 shown, and there are more').waitFor();
    await page.context().setOffline(true);
    await page.getByRole('link', { name: '2199', exact: true }).focus();
    await page.keyboard.press('End');
    await page.locator('.list-footer').getByText('Failed to fetch').waitFor();
    t.true(await page.getByRole('link', { name: '1700', exact: true }).isVisible());
    await page.context().setOffline(false);
    await page.getByText('1,000 shown, and there are more').waitFor();
  },
);
