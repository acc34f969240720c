/**
 * Six incidents in one network, one after the other, and then a rollout. For each, its alert fires, the console says what is wrong, the step of
 * docs/incidents.md repairs it, and both are quiet again. With OCPP_PICTURES=1 (`npm run pictures`) the pictures of the page are made.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { TEXTS } from '../../services/console/texts.ts';
import { buildConsole, CHROMIUM, NO_CHROMIUM } from '../console/browser.ts';
import { chartTest } from '../charts/helm.ts';
import { hasPrometheus } from '../faults/prometheus-server.ts';
import { startSimulation } from '../simulator/simulation.ts';
import { until } from '../support/until.ts';
import { INCIDENTS } from './incidents.ts';
import { type Network, startNetwork, STATIONS } from './network.ts';
import { type Pictured, pictureFile, takePicture, takeScreen } from './pictures.ts';

const isPossible = chartTest !== test.skip && hasPrometheus() && CHROMIUM !== undefined;
const incidentTest = isPossible ? test.serial : test.skip;
if (CHROMIUM === undefined) {
  if (process.env['CI'] === 'true') throw new Error(NO_CHROMIUM);
  process.stderr.write(`SKIPPED: ${NO_CHROMIUM}\n`);
}
const withPictures = process.env['OCPP_PICTURES'] === '1';
/** ms */
const PATIENCE = 120_000;
let network: Network | undefined;
/** No incident happens in a network that an earlier one left broken. */
let isWhole = false;

incidentTest('the network is healthy before the first incident', async (t) => {
  t.timeout(300_000);
  buildConsole();
  network = await startNetwork();
  await t.notThrowsAsync(network.isHealthy());
  isWhole = true;
});
test.after.always(async () => {
  await network?.[Symbol.asyncDispose]();
});

for (const incident of INCIDENTS) {
  incidentTest(`${incident.name}: alert, console, repair`, async (t) => {
    t.timeout(400_000);
    if (network === undefined || !isWhole) throw new Error('the network is not healthy before it');
    isWhole = false;
    const begin = Date.now();
    const seconds = () => `${((Date.now() - begin) / 1000).toFixed(1)} s`;
    const { page } = network;
    await incident.happen(network);
    const shown = async () => {
      for (const text of incident.says) await page.getByText(text).first().waitFor({ timeout: PATIENCE });
    };
    const fires = async () => (await network?.firing())?.has(incident.alert);
    await Promise.all([
      shown().then(() => t.log(`shown after ${seconds()}`)),
      until(fires, incident.alert, PATIENCE, 250).then(() => t.log(`the alert fires after ${seconds()}`)),
    ]);
    t.log(`all that fire: ${[...(await network.firing())].join(', ')}`);
    await incident.meanwhile?.(t, network);
    await shown();
    if (withPictures) await takePicture(page, incident);
    t.true(existsSync(pictureFile(incident)), 'npm run pictures makes it');
    await incident.repair(network);
    await incident.after?.(t, network);
    await network.isHealthy();
    for (const text of incident.says) t.is(await page.getByText(text).count(), 0, text);
    isWhole = true;
    t.log(`healthy after ${seconds()}`);
  });
}

const ROLLOUT: Pictured = {
  picture: 'rollout',
  cards: [TEXTS.network.moving.rollout, TEXTS.network.proxies.title],
};

incidentTest('a rollout is watched to its end: both sets, those in between, and the phase', async (t) => {
  t.timeout(400_000);
  if (network === undefined || !isWhole) throw new Error('the network is not healthy before it');
  const { page } = network;
  const { moving } = TEXTS.network;
  await network.patch({
    spec: {
      proxy: {
        maxSessionsPerPod: 1000,
        drain: { ratePerSecond: 20 },
        // The stations say too little to be answered at once.
        rollout: { minReadySeconds: 1, returnWithinSeconds: 10 },
        podTemplate: { env: [{ name: 'ROLLOUT', value: 'watched' }] },
      },
    },
  });
  await page.getByRole('heading', { name: moving.rollout }).waitFor({ timeout: PATIENCE });
  const bar = page.getByRole('img', {
    name: /stations on the old set, \d+ in between, ([5-9]\d|1\d\d) on the new set/,
  });
  await bar.waitFor({ timeout: PATIENCE });
  if (withPictures) {
    await page.setViewportSize({ width: 1000, height: 1200 });
    await takePicture(page, ROLLOUT);
  }
  t.true(existsSync(pictureFile(ROLLOUT)), 'npm run pictures makes it');
  await page.getByText(moving.last('Completed', '').slice(0, -' at :'.length)).waitFor({ timeout: PATIENCE });
  await page.getByRole('heading', { name: moving.rollout }).waitFor({ state: 'hidden', timeout: PATIENCE });
  await network.isHealthy();
  t.is(network.simulation.progress().online, STATIONS);
});

/** Pictures of the README and of docs/console.md: name, address. */
const SCREENS = [
  ['console-network', '#/network'],
  ['console-station', '#/stations/CP-0001'],
] as const;

incidentTest('the pictures of the console exist', async (t) => {
  t.timeout(200_000);
  if (withPictures && network !== undefined) {
    const { page, url, put } = network;
    const simulation = startSimulation({
      url,
      stations: 1,
      cadenceSeconds: 2,
      longChargingShare: 1,
      prefix: 'CP',
    });
    t.teardown(() => simulation.stop());
    await until(async () => (await put('/v1/recordings/CP-0001', {})).ok, 'the recording', PATIENCE, 500);
    await page.setViewportSize({ width: 1280, height: 960 });
    for (const [name, hash] of SCREENS) {
      await page.evaluate(`location.hash = '${hash}'`);
      await sleep(name === 'console-station' ? 40_000 : 5000);
      await takeScreen(page, name);
    }
  }
  for (const [picture] of SCREENS) t.true(existsSync(pictureFile({ picture })), 'npm run pictures makes it');
});
