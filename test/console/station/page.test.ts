/** The page of a station, in Chromium, over real programs and a simulated station that charges on command. */
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { type ApiCluster, startApiCluster, tokenFile } from '../../api/cluster.ts';
import { type Simulation, type SimulationOptions, startSimulation } from '../../simulator/simulation.ts';
import {
  buildConsole,
  CHROMIUM,
  NO_CHROMIUM,
  openConsole,
  type OpenOptions,
  seriousFindings,
  startBrowser,
} from '../browser.ts';
import { startRelay } from '../relay.ts';

const test = anyTest as TestFn<{ cluster: ApiCluster; browser: Browser }>;
const inBrowser = CHROMIUM === undefined ? test.skip : test.serial;
if (CHROMIUM === undefined) {
  if (process.env['CI'] === 'true') throw new Error(NO_CHROMIUM);
  process.stderr.write(`SKIPPED: ${NO_CHROMIUM}\n`);
}
/** Of what waits for a stream to be opened again, or for a poll; ms. */
const LONG = { timeout: 40_000 };

test.before(async (t) => {
  if (CHROMIUM === undefined) return;
  buildConsole();
  t.context.cluster = await startApiCluster();
  t.context.browser = await startBrowser();
  await t.context.cluster.ask('PUT', '/v1/tokens/TAG1', { body: { status: 'Accepted' } });
});
test.after.always(async (t) => {
  await t.context.browser?.close();
  await t.context.cluster?.[Symbol.asyncDispose]();
});

type Context = ExecutionContext<{ cluster: ApiCluster; browser: Browser }>;

/** A station that charges on command, and its page. */
async function openStation(
  t: Context,
  identity: string,
  { url, station, ...options }: OpenOptions & { url?: string; station?: Partial<SimulationOptions> } = {},
): Promise<{ readonly page: Page; readonly simulation: Simulation }> {
  const { cluster, browser } = t.context;
  const simulation = startSimulation({
    url: cluster.proxy.url,
    stations: 1,
    identity,
    obeys: true,
    cadenceSeconds: 0.4,
    protocols: ['ocpp1.6'],
    reconnectScale: 0.05,
    ...station,
  });
  t.teardown(async () => {
    simulation.stop();
    await simulation.done;
  });
  while (simulation.progress().roundTrips < 2) await new Promise((resolve) => setTimeout(resolve, 50));
  const hash = `#/stations/${encodeURIComponent(identity)}`;
  const page = await openConsole(t, browser, url ?? cluster.api.apiUrl, { hash, ...options });
  if (options.hash === undefined) await page.getByText('Connected', { exact: true }).waitFor();
  return { page, simulation };
}

async function record(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Start recording' }).click();
  await page.getByText(/Recorded until/).waitFor();
}

const sent = (page: Page, action: string) =>
  page.getByRole('log').getByRole('listitem').filter({ hasText: action });

for (const protocol of ['ocpp1.6', 'ocpp2.1'] as const) {
  inBrowser(
    `a remote start from the page charges a station of ${protocol} and shows its curve`,
    async (t) => {
      const { page } = await openStation(t, `CHARGE-${protocol}`, { station: { protocols: [protocol] } });
      await record(page);
      await page.getByRole('button', { name: 'Start …' }).click();
      const start = page.getByRole('dialog', { name: 'Start charging' });
      await start.getByLabel('Token that pays').fill('TAG1');
      await start.getByRole('button', { name: 'Start charging' }).click();
      await sent(page, 'StartTransaction').getByText('Answered').waitFor();
      await sent(page, 'StartTransaction').getByText('Accepted: the station does it').waitFor();

      const transaction = page.getByRole('article', { name: /^Transaction/ });
      await transaction.getByText('TAG1 (Accepted)').waitFor();
      await transaction.locator('canvas').first().waitFor();
      const energy = async () =>
        Number(/([\d.]+) kWh/.exec((await transaction.getByText(/^Register: /).textContent()) ?? '')?.[1]);
      while (!((await energy()) >= 2)) await page.waitForTimeout(100);
      const messages = page.getByRole('listbox', { name: 'Messages' });
      await messages
        .getByRole('option')
        .filter({ hasText: protocol === 'ocpp1.6' ? 'MeterValues' : 'TransactionEvent' })
        .first()
        .click();
      await page
        .getByRole('region', { name: 'Message', exact: true })
        .getByText('"Energy.Active.Import.Register"')
        .waitFor();

      await transaction.getByRole('button', { name: 'Stop …' }).click();
      await page.getByRole('button', { name: 'Stop it' }).click();
      await transaction.getByText('Ended').waitFor();
      await transaction.getByText('final').waitFor();
      await transaction.locator('canvas').first().waitFor();
      await page.getByRole('region', { name: 'Last bills' }).getByRole('row').nth(1).waitFor();
      t.deepEqual(await seriousFindings(page), []);
    },
  );
}

inBrowser('a station may be called anything, and nothing of it is HTML', async (t) => {
  const identity = `a/b "c" 'd' <script>document.title='run'</script>`;
  const { page, simulation } = await openStation(t, identity, { hash: '#/stations' });
  t.is(await page.getByRole('heading', { level: 1 }).count(), 1);
  await page.getByRole('link', { name: identity, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: identity, exact: true }).waitFor();
  await page.getByText('Connected', { exact: true }).waitFor();
  await record(page);
  await page.getByRole('listbox').getByText('Heartbeat').first().waitFor();
  const before = simulation.progress().commands;
  await page.getByRole('button', { name: 'Unlock …' }).click();
  await page.getByRole('button', { name: 'Unlock it' }).click();
  await sent(page, 'UnlockConnector').getByText('Unlocked: the cable is free').waitFor();
  t.is(simulation.progress().commands, before + 1);
  t.not(await page.title(), 'run');
});

async function chooseAction(page: Page, action: string): Promise<void> {
  await page.getByRole('combobox', { name: 'Action', exact: true }).selectOption(action);
  await page.getByRole('button', { name: 'Send', exact: true }).waitFor();
}

inBrowser(
  'what was filled in survives a token that expires, and the command is sent with the next one',
  async (t) => {
    const { cluster } = t.context;
    const file = join(cluster.folder, 'short');
    await writeFile(file, tokenFile('short-lived', 'command'));
    const known = await retried(() => cluster.ask('GET', '/v1/status', { as: 'short-lived' }), 200);
    t.is(known, 200);
    const { page } = await openStation(t, 'EXPIRE', { token: 'short-lived', expected: [/401/] });
    await chooseAction(page, 'DataTransfer');
    await page.getByLabel(/^vendorId/).fill('com.example');
    await page.getByRole('combobox', { name: 'Add a field to Payload' }).selectOption('data');
    await page.getByLabel(/^data/).fill('half a sent');
    await rm(file);
    const dialog = page.getByRole('dialog', { name: 'Access token' });
    await dialog.getByText('The API does not know this token').waitFor(LONG);
    await dialog.getByLabel('Token').fill('command');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    t.is(await page.getByLabel(/^vendorId/).inputValue(), 'com.example');
    t.is(await page.getByLabel(/^data/).inputValue(), 'half a sent');
    // Nor does another page lose it.
    await page.getByRole('link', { name: 'Network' }).click();
    await page.goBack();
    t.is(await page.getByLabel(/^data/).inputValue(), 'half a sent');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page
      .getByRole('dialog', { name: 'Send DataTransfer?' })
      .getByRole('button', { name: 'Send' })
      .click();
    await sent(page, 'DataTransfer').getByText('Answered').waitFor();
  },
);

/** The status, as soon as it is the wanted one. */
async function retried(ask: () => Promise<{ readonly status: number }>, wanted: number): Promise<number> {
  for (let left = 100; ; left--) {
    const { status } = await ask();
    if (status === wanted || left === 0) return status;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

inBrowser('the form and its JSON are two views of one payload, and faults are at their fields', async (t) => {
  const { page } = await openStation(t, 'FORM', {
    station: { protocols: ['ocpp2.1'] },
    expected: [/409/],
  });
  await chooseAction(page, 'SetVariables');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByText('3 fields are not right.').waitFor();
  t.is(await page.evaluate<string>('document.activeElement.getAttribute("aria-invalid")'), 'true');
  await page.getByLabel(/^attributeValue/).fill('300');
  await page.getByRole('button', { name: 'JSON' }).click();
  const json = page.getByLabel('Payload', { exact: true });
  t.regex(await json.inputValue(), /"attributeValue": "300"/);

  await json.fill('{"setVariableData": [');
  await page.getByText(/This is no JSON yet/).waitFor();
  await page.getByRole('button', { name: 'Form', exact: true }).click();
  t.is(await json.inputValue(), '{"setVariableData": [', 'what is no JSON stays');
  const names = { component: { name: 'OCPPCommCtrlr' }, variable: { name: 7 }, colour: 'red' };
  await json.fill(JSON.stringify({ setVariableData: [{ attributeValue: '10', ...names }] }));
  await page.getByText('/setVariableData/0/variable/name').waitFor();
  await page.getByRole('button', { name: 'Form', exact: true }).click();
  t.is(await page.getByLabel(/^attributeValue/).inputValue(), '10');
  await page.getByText('"red"').waitFor();
  await page.getByText('is no field of this action').waitFor();
  await page.getByRole('button', { name: 'Remove colour' }).click();
  await page.getByRole('button', { name: 'Remove name' }).click();
  await page.getByLabel(/^name/).last().fill('HeartbeatInterval');
  t.deepEqual(await seriousFindings(page), []);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page
    .getByRole('dialog', { name: 'Send SetVariables?' })
    .getByRole('button', { name: 'Send' })
    .click();
  // The simulated station answers with what is no answer to this action.
  const command = sent(page, 'SetVariables');
  await command.getByText('Uncertain', { exact: true }).waitFor();
  await command.getByText('Before anything else:').waitFor();
  t.is(await command.getByRole('button').count(), 0, 'it is not offered to send it again');
});

inBrowser('while the API is away nothing is lost and nothing is sent twice', async (t) => {
  await using relay = await startRelay(t.context.cluster.api.apiUrl);
  const { page, simulation } = await openStation(t, 'AWAY', { url: relay.url, expected: [/ERR_/, /404/] });
  await record(page);
  const messages = page.getByRole('listbox', { name: 'Messages' });
  await messages.getByRole('option').first().waitFor();
  await page.getByRole('searchbox').fill('heartbeat');
  relay.cut();
  await page.getByText(/No connection since/).waitFor(LONG);
  await page.getByRole('button', { name: 'Trigger …' }).click();
  await page.getByRole('button', { name: 'Request it' }).click();
  const command = sent(page, 'trigger');
  await command.getByText('No answer of the API').waitFor();
  const before = simulation.progress();
  relay.mend();
  await command.getByText('The API answers again, and does not know the command').waitFor(LONG);
  await command.getByRole('button', { name: 'Send again' }).click();
  await sent(page, 'TriggerMessage').getByText('Accepted: the station does it').waitFor();
  t.is(simulation.progress().commands, before.commands + 1);
  await page.getByText(/No connection since/).waitFor({ state: 'hidden', ...LONG });
  await messages.getByText('This page was without a connection').waitFor(LONG);
  t.is(await page.getByRole('searchbox').inputValue(), 'heartbeat');
  await page.getByRole('button', { name: 'End recording' }).click();
  await page.getByText(/^Not recorded/).waitFor();
  const { body } = await t.context.cluster.ask('GET', '/v1/recordings/AWAY/frames?limit=1000');
  const recorded = body.items ?? [];
  const markers = recorded.filter(({ direction }) => direction === undefined).length;
  // Markers are all that this search leaves.
  await page.getByRole('searchbox').fill('nothing has this text');
  for (let left = 100; ; left--) {
    const text = (await page.getByText(/\d+ of \d+ messages/).textContent()) ?? '';
    const [shown, all] = (text.match(/\d+/g) ?? []).map(Number);
    const resumed = Number(shown) - markers;
    if (resumed > 0 && all === recorded.length + resumed) break;
    if (left === 0)
      throw new Error(`of ${recorded.length} messages with ${markers} markers there are: ${text}`);
    await page.waitForTimeout(100);
  }
  t.true(recorded.length > 10, String(recorded.length));
});

inBrowser(
  'a command that is not sent says why, one that waits can be cancelled, and a reader sends none',
  async (t) => {
    const { cluster, browser } = t.context;
    const { simulation } = await openStation(t, 'GONE');
    simulation.stop();
    await simulation.done;
    const hash = '#/stations/GONE';
    const page = await openConsole(t, browser, cluster.api.apiUrl, { hash, expected: [/409/] });
    await page.getByText('Not connected', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Reset …' }).click();
    await page.getByRole('button', { name: 'Reset it' }).click();
    await sent(page, 'reset').getByText('The station is not connected.').waitFor();
    await chooseAction(page, 'ClearCache');
    await page.getByLabel('If the station is not connected').selectOption('15');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    await sent(page, 'ClearCache').getByText('Queued: it waits for the station').waitFor({ timeout: 20_000 });
    await sent(page, 'ClearCache').getByRole('button', { name: 'Cancel' }).click();
    await sent(page, 'ClearCache').getByText('It was cancelled before it was sent.').waitFor();

    const reader = await openConsole(t, browser, cluster.api.apiUrl, { hash, token: 'read' });
    await reader.getByText('The access token the-read may read only.').waitFor();
    t.true(await reader.getByRole('button', { name: 'Reset …' }).isDisabled());
    t.true(await reader.getByRole('combobox', { name: 'Action', exact: true }).isDisabled());
    t.true(await reader.getByRole('button', { name: 'Start recording' }).isDisabled());
  },
);

const FRAMES = 6500;
/** Scrolls to and fro; ms a frame, in ascending order. */
const SCROLLING = `(async () => {
  const box = document.querySelector('.frames');
  const times = [];
  for (let turn = 0; turn < 60; turn++) {
    const started = performance.now();
    box.scrollTop = (turn % 2) * 50000 + turn * 997;
    await new Promise((resolve) => requestAnimationFrame(resolve));
    times.push(performance.now() - started);
  }
  return times.toSorted((a, b) => a - b);
})()`;

inBrowser(
  'thousands of messages are bounded, drawn as far as they are seen, and read by keyboard',
  async (t) => {
    const { page } = await openStation(t, 'MANY', { station: { cadenceSeconds: 2 } });
    await page.route(/\/frames\?/, async (route) => {
      const after = Number(new URL(route.request().url()).searchParams.get('after') ?? 0);
      const items = Array.from({ length: Math.min(1000, FRAMES - after) }, (_, place) =>
        frameOf(after + place),
      );
      await route.fulfill({ json: { items, next: String(after + items.length) } });
    });
    await page.reload();
    // The page does not read them by itself.
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.getByRole('button', { name: 'Load what was recorded' }).waitFor();
    await page.waitForTimeout(500);
    t.false(asked.some((url) => url.includes('/frames')));
    await page.getByRole('button', { name: 'Load what was recorded' }).click();
    await page.getByText('5,000 messages · 1,500 older ones were dropped').waitFor();
    const list = page.getByRole('listbox', { name: 'Messages' });
    await list.getByText('HB6499', { exact: true }).waitFor();
    t.true((await list.getByRole('option').count()) < 60);
    await list.focus();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowUp');
    await page.getByRole('region', { name: 'Message', exact: true }).getByText('HB6498').first().waitFor();
    await page.keyboard.press('Home');
    await list.getByText('HB1500', { exact: true }).waitFor();
    await page.getByRole('searchbox').fill('gap-3');
    await list.getByText('Gap: 3 messages could not be recorded').waitFor();
    await page.getByRole('searchbox').fill('hb6001');
    await list.getByText('HB6001', { exact: true }).waitFor();
    const frames = await page.evaluate<readonly number[]>(SCROLLING);
    t.log(`ms a frame while scrolling: median ${frames[30]}, worst ${frames.at(-1)}`);
  },
);

inBrowser('the live view goes on after the recorder has dropped what was not read yet', async (t) => {
  const { page } = await openStation(t, 'STALE', { expected: [/410/] });
  await record(page);
  const messages = page.getByRole('listbox', { name: 'Messages' });
  await messages.getByRole('option').first().waitFor();
  let refusals = 0;
  await page.route(/\/frames\?.*after=/, async (route) => {
    if (refusals > 0) return route.continue();
    refusals += 1;
    await route.fulfill({ status: 410, json: { code: 'events-lost', detail: 'dropped' } });
  });
  await page.getByRole('button', { name: 'End recording' }).click();
  await page.getByText(/^Not recorded/).waitFor();
  await messages.getByText('Gap: messages were dropped before this page read them').waitFor();
  t.is(refusals, 1);
  t.is(await page.getByRole('alert').count(), 0);
  await record(page);
  const last = messages.getByRole('option').last();
  const before = await last.textContent();
  while ((await last.textContent()) === before) await page.waitForTimeout(100);
  t.is(await page.getByRole('alert').count(), 0);
});

function frameOf(number: number) {
  const shared = {
    id: String(number + 1),
    at: 1e12 + number,
    station: 'MANY',
    connection: 1,
    protocol: 'ocpp1.6',
  };
  if (number === 5000) return { ...shared, type: 'gap', lost: 3 };
  const action = `HB${number}`;
  const text = JSON.stringify([2, `${number}`, action, { filling: 'x'.repeat(200) }]);
  return {
    ...shared,
    type: 'call',
    direction: 'in',
    action,
    messageId: `${number}`,
    text,
    bytes: text.length,
  };
}

inBrowser(
  'the page of a station fits narrow screens, light and dark, and axe finds nothing serious',
  async (t) => {
    const { page } = await openStation(t, 'NARROW', {
      viewport: { width: 360, height: 740 },
      colorScheme: 'dark',
    });
    await chooseAction(page, 'SetChargingProfile');
    await record(page);
    await page.getByRole('listbox').getByRole('option').first().click();
    t.true(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'));
    const wide = await page.evaluate<number>('document.querySelector("main").scrollWidth');
    t.true(wide <= 360, String(wide));
    t.true(await page.evaluate<boolean>('document.documentElement.scrollHeight <= innerHeight'));
    t.deepEqual(await seriousFindings(page), []);
  },
);
