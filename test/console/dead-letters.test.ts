/** The page of dead letters in Chromium: seen, replayed and dropped, one and several; unreadable texts. */
import { openConsole, seriousFindings } from './browser.ts';
import { HOSTILE, inPages, type StoredApi } from './stored-api.ts';

const inBrowser = inPages();
const hash = '#/dead-letters';

/** @param minutes since it was received */
function letter(station: string, minutes = 3, fields: object = { connectorId: 1 }) {
  const entry = {
    charge_point_id: station,
    message_type: 2,
    message_id: 'm1',
    action: 'StatusNotification',
    payload: [2, 'm1', 'StatusNotification', fields],
    timestamp: new Date(Date.now() - minutes * 60_000).toISOString(),
    ws_server_id: 'proxy',
    connection: 3,
    protocol: 'ocpp1.6',
    sequence: 4,
  };
  return { reason: `handler failed for ${station}`, deliveries: 5, entry: JSON.stringify(entry) };
}

const A_YEAR = 365 * 24 * 60;

const left = ({ redis }: StoredApi, stream = 'dead-letters') => redis.xlen(`ocpp:${stream}`);

inBrowser('one is opened, replayed and dropped, with the keyboard only', async (t, { api, browser }) => {
  await api.append('dead-letters', [letter('CP-1'), letter('CP-2')]);
  const page = await openConsole(t, browser, api.url, { hash });
  await page.getByText('2 shown').waitFor();
  t.deepEqual(await seriousFindings(page), []);
  await page.getByRole('row', { name: /CP-1/ }).getByRole('button').focus();
  await page.keyboard.press('Enter');
  const panel = page.getByRole('complementary', { name: 'Dead letter' });
  await panel.getByText('charge_point_id: "CP-1"').waitFor();
  t.deepEqual(await seriousFindings(page), []);
  await panel.getByRole('button', { name: 'Replay' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Replay the dead letter?' });
  await dialog.getByRole('button', { name: 'Replay' }).focus();
  t.is(await dialog.getByText('takes effect twice').count(), 0);
  await page.keyboard.press('Enter');
  await page.getByText('Replayed 1 of 1.').waitFor();
  t.is(await left(api), 1);
  t.is(await api.redis.llen('ocpp:requests'), 1);

  await page.getByRole('row', { name: /CP-2/ }).getByRole('button').focus();
  await page.keyboard.press('Enter');
  await panel.getByRole('button', { name: 'Drop' }).click();
  const drop = page.getByRole('dialog', { name: 'Drop the entry?' });
  await page.keyboard.press('Escape');
  await drop.waitFor({ state: 'hidden' });
  t.is(await left(api), 1);
  await panel.getByRole('button', { name: 'Drop' }).click();
  await drop.getByRole('button', { name: 'Drop' }).click();
  await page.getByText('Dropped 1 of 1.').waitFor();
  await page.getByText('There is no dead letter.').waitFor();
  t.is(await left(api), 0);
});

inBrowser(
  'old ones are replayed after a warning only; what failed is named and stays',
  async (t, { api, browser }) => {
    await api.append('dead-letters', [
      letter('OLD-1', A_YEAR),
      letter('NEW-1'),
      { reason: 'x', deliveries: 1, entry: 'no JSON' },
    ]);
    const page = await openConsole(t, browser, api.url, { hash, expected: [/422/] });
    await page.getByText('may repeat').first().waitFor();
    await page.getByLabel('All 3').check();
    await page.getByRole('button', { name: 'Replay 3' }).click();
    const dialog = page.getByRole('dialog', { name: 'Replay 3 dead letters?' });
    await dialog.getByText(/of these messages are older than the marks of repeated messages/).waitFor();
    t.true(await dialog.getByRole('button', { name: 'Replay' }).isDisabled());
    t.deepEqual(await seriousFindings(page), []);
    await dialog.getByLabel('I have checked that').check();
    await dialog.getByRole('button', { name: 'Replay' }).click();
    const failed = page.getByRole('dialog', { name: 'Some are left' });
    await failed.getByText('Replayed 2 of 3.').waitFor();
    t.is(await failed.getByRole('listitem').count(), 1);
    await failed.getByRole('button', { name: 'Close' }).click();
    await page.getByText('1 shown').waitFor();
    t.is(await left(api), 1);
  },
);

inBrowser(
  '5000 are read, some of them are dropped at once, and the rest stays',
  async (t, { api, browser }) => {
    await api.append(
      'dead-letters',
      Array.from({ length: 5000 }, (_, i) => letter(`CP-${i}`)),
    );
    const page = await openConsole(t, browser, api.url, { hash });
    await page.getByText('500 shown, and there are more').waitFor();
    await page.getByLabel('All 500').check();
    await page.getByRole('button', { name: 'Drop 500' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Drop' }).click();
    await page.getByText('Dropped 500 of 500.').waitFor({ timeout: 30_000 });
    t.is(await left(api), 4500);
    await page.getByRole('row', { name: /CP-500$|CP-500 / }).waitFor();
  },
);

inBrowser(
  'hostile letters and unreadable texts are shown as they are, and run nothing',
  async (t, { api, browser }) => {
    const texts = Object.values(HOSTILE);
    await api.append(
      'dead-letters',
      texts.map((text) => letter(text.slice(0, 255), 1, { vendorId: text })),
    );
    await api.append(
      'unreadable',
      texts.map((text) => ({ station: text.slice(0, 255), protocol: 'ocpp1.6', reason: text, text })),
    );
    const page = await openConsole(t, browser, api.url, { hash });
    await page.getByText('3 shown').waitFor();
    for (const [i, text] of texts.entries()) {
      await page
        .getByRole('row')
        .nth(i + 1)
        .getByRole('button')
        .click();
      const panel = page.getByRole('complementary', { name: 'Dead letter' });
      await panel.locator('.json-leaf').getByText(JSON.stringify(text).slice(0, 500)).first().waitFor();
    }
    await page.getByRole('button', { name: 'Unreadable texts' }).click();
    await page.getByText('3 shown').waitFor();
    for (const [i, text] of texts.entries()) {
      await page
        .getByRole('row')
        .nth(i + 1)
        .getByRole('button')
        .click();
      const panel = page.getByRole('complementary', { name: 'Unreadable text' });
      t.is(await panel.locator('pre').textContent(), text);
    }
    t.deepEqual(await seriousFindings(page), []);
    t.true(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'));
    t.is(await page.title(), 'Dead letters – OcppCluster');
    await page.getByRole('complementary').getByRole('button', { name: 'Drop' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Drop' }).click();
    await page.getByText('Dropped 1 of 1.').waitFor();
    t.is(await left(api, 'unreadable'), 2);
  },
);

inBrowser(
  'a removed access token stops in the middle, and the rest is done with another one',
  async (t, { api, browser }) => {
    await api.append(
      'dead-letters',
      Array.from({ length: 20 }, (_, i) => letter(`CP-${i}`)),
    );
    const page = await openConsole(t, browser, api.url, { hash, expected: [/401/] });
    await page.getByLabel('All 20').check();
    let requests = 0;
    await page.route(/dead-letters\/.*$/, async (route) => {
      if (++requests === 6) api.access.delete('admin');
      await route.continue();
    });
    await page.getByRole('button', { name: 'Drop 20' }).click();
    const dialog = page.getByRole('dialog', { name: 'Drop 20 entries?' });
    await dialog.getByRole('button', { name: 'Drop' }).click();
    const login = page.getByRole('dialog', { name: 'Access token' });
    api.access.set('next', 'admin');
    await login.getByLabel('Token').fill('next');
    await page.keyboard.press('Enter');
    await login.waitFor({ state: 'hidden' });
    t.is(await left(api), 15);
    await dialog.getByRole('button', { name: 'Drop' }).click();
    await page.getByText('Dropped 20 of 20.').waitFor();
    t.is(await left(api), 0);
  },
);

inBrowser('with a token of scope read nothing is replayed or dropped', async (t, { api, browser }) => {
  await api.append('dead-letters', [letter('CP-1')]);
  const page = await openConsole(t, browser, api.url, { hash, token: 'read' });
  await page.locator('p').getByText('the-read has read').first().waitFor();
  await page.getByLabel('All 1').check();
  for (const name of ['Replay 1', 'Drop 1']) {
    const button = page.getByRole('button', { name });
    t.is(await button.getAttribute('aria-disabled'), 'true');
    await button.click({ force: true });
  }
  t.is(await page.getByRole('dialog').count(), 0);
  t.is(await left(api), 1);
});
