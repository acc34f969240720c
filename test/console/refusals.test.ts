/** Refused stations in Chromium: why they do not get in, and what to do. */
import { openConsole, seriousFindings } from './browser.ts';
import { HOSTILE, inPages, type StoredApi } from './stored-api.ts';

const inBrowser = inPages();

/** As note-refusals.lua stores it. */
async function refuse({ redis }: StoredApi, identity: string, code: string, isKnown = false): Promise<void> {
  const [field, now] = [`${code} ${identity}`, Date.now()];
  const facts = { reason: `why ${code}`, advice: `do ${code}`, status: 401, remoteAddress: '10.0.0.7' };
  await redis.hset('ocpp:refused', field, `${now - 60_000} 7 ${JSON.stringify(facts)}`);
  await redis.zadd(`ocpp:refused-${isKnown ? 'known' : 'unknown'}`, now, field);
}

inBrowser('a refused station says why, what to do, how often and when', async (t, { api, browser }) => {
  await refuse(api, 'CP-1', 'wrong-password', true);
  await refuse(api, HOSTILE.script, 'bad-identity');
  await refuse(api, '', 'no-request');
  await api.redis.zadd('ocpp:known-stations', 0, 'CP-2');
  await api.redis.hset('ocpp:registrations', 'CP-2', 'Rejected');
  const page = await openConsole(t, browser, api.url, { hash: '#/stations' });
  await page.getByRole('button', { name: 'Refused 4' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('4 refused in the last day').waitFor();
  t.deepEqual(await seriousFindings(page), []);
  const row = page.getByRole('row', { name: /CP-1/ });
  for (const text of ['wrong-password', 'why wrong-password', 'do wrong-password', '7'])
    await row.getByRole('cell', { name: text, exact: true }).waitFor();
  await page.getByRole('row', { name: /CP-2/ }).getByText('Delete its registration').waitFor();
  await page.getByRole('button', { name: '(no identity)' }).waitFor();
  await page.getByRole('button', { name: HOSTILE.script, exact: true }).waitFor();
  await row.getByRole('button').focus();
  await page.keyboard.press('Enter');
  const panel = page.getByRole('complementary', { name: 'Refused station' });
  await panel.getByText('10.0.0.7').waitFor();
  await panel.getByRole('link', { name: 'CP-1' }).waitFor();
  t.deepEqual(await seriousFindings(page), []);

  await refuse(api, 'CP-9', 'unknown-station');
  await page.getByRole('row', { name: /CP-9/ }).waitFor();
  await page.getByRole('searchbox').fill('wrong cp-1');
  await page.getByText('1 refused in the last day').waitFor();
  t.is(await page.title(), 'Stations – OcppCluster');
});
