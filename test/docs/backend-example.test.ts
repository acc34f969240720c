/** examples/backend-python does what its README says: it decides, gets events once, prints bills, and sends a command. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { signatureHeaders } from '../../services/runtime/webhook-signature.ts';
import { startChargingStation } from '../ocppctl/charging-station.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { bash, blocksOf, commandsOf, read, ROOT, runAll } from './page-commands.ts';

const FOLDER = 'examples/backend-python';
const page = read(`${FOLDER}/README.md`);
const isMissing = spawnSync('sh', ['-c', 'command -v python3']).status !== 0;
if (isMissing && process.env['CI'] === 'true') throw new Error('python3 is missing');
if (isMissing) console.warn('SKIPPED: the example in Python, as there is no python3');

(isMissing ? test.skip : test)(
  'each command of the README succeeds, and the back end does its part',
  async (t) => {
    t.timeout(120_000);
    const at = mkdtempSync(join(tmpdir(), 'backend-'));
    t.teardown(() => rmSync(at, { recursive: true, force: true }));
    const ports = { stations: await freePort(), backend: await freePort(), api: '8080' };
    const manifest = join(at, 'city.yaml');
    const here = (text: string) =>
      text
        .replaceAll('8099', `${ports.backend}`)
        .replaceAll(':9000', `:${ports.stations}`)
        .replaceAll(':8080', `:${ports.api}`)
        .replaceAll(`${FOLDER}/city.yaml`, `${manifest} --data ${join(at, 'data')}`)
        .replaceAll('npm start --', `${process.execPath} operator/local/cli/main.ts`)
        .replaceAll('npm run --silent ocppctl --', `${process.execPath} services/ocppctl/main.ts`)
        .replaceAll('npx node', process.execPath);
    const listeners = `spec:\n  listeners: [{ name: stations, port: ${ports.stations} }]\n  proxy:`;
    writeFileSync(manifest, here(read(`${FOLDER}/city.yaml`)).replace('spec:\n  proxy:', listeners));
    const [start = '', backend = '', station = '', session = ''] = blocksOf(page, 'sh');

    const cluster = bash(`exec ${here(start)}`, ROOT);
    const children = [cluster];
    try {
      await until(() => /city Running/.test(cluster.said.text), 'the cluster', 60_000);
      // Its API has another port where 8080 is taken.
      ports.api = /HTTP API +http:\/\/127\.0\.0\.1:(\d+)/.exec(cluster.said.text)?.[1] ?? '';
      const python = bash(here(backend).replace(/python3/, 'exec python3'), ROOT, {
        STORE: join(at, 'handled'),
      });
      const demo = bash(`exec ${here(station)}`, ROOT);
      children.push(python, demo);
      await until(() => demo.said.text.includes('connected: DEMO-1'), 'the station', 20_000);

      const commands = commandsOf(here(session));
      const [login, begin, end] = [commands[0]?.text, commands[1], commands[2]];
      const run = async (command: typeof begin) => {
        const [, result] = await runAll(
          [{ text: login ?? '', prints: '' }, command ?? { text: '', prints: '' }],
          ROOT,
        );
        t.is(result?.status, '0', `${command?.text}\n${result?.output}\n${python.said.text}`);
      };
      await run(begin);
      await until(() => demo.said.text.includes('start: FLEET-7'), 'the decision', 20_000);
      t.regex(demo.said.text, /start: FLEET-7 Accepted/, `${python.said.text}\n${cluster.said.text}`);
      await run(end);
      await until(() => demo.said.text.includes('stop:'), 'the end of the session', 20_000);
      await until(() => /bill: DEMO-1 \S+: \d+ Wh/.test(python.said.text), 'the bill', 20_000);

      await using broken = await startChargingStation(`ws://127.0.0.1:${ports.stations}/ocpp`, 'CP-1');
      const fault = { connectorId: 1, errorCode: 'GroundFailure', status: 'Faulted' } as const;
      await broken.sendRequest('StatusNotification', fault);
      await until(() => python.said.text.includes('trigger: CP-1 answered'), 'the command', 20_000);

      // A repeated event has no second effect; a request that is not signed, or old, has none at all.
      const event = {
        id: '1-1',
        type: 'ocpp.transaction-stopped',
        subject: 'X',
        data: { transactionId: '1' },
      };
      const post = async (seconds = Math.floor(Date.now() / 1000)) => {
        const body = JSON.stringify(event);
        const headers = signatureHeaders(
          'whsec_BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=',
          event.id,
          seconds,
          body,
        );
        const url = `http://127.0.0.1:${ports.backend}/events`;
        return (await fetch(url, { method: 'POST', headers, body })).status;
      };
      t.deepEqual([await post(1), await post(), await post()], [401, 200, 200]);
      await until(() => python.said.text.includes('bill: X 1'), 'the event');
      t.is(python.said.text.split('bill: X 1').length, 2);
    } finally {
      for (const { child } of children.toReversed()) child.kill('SIGINT');
      await Promise.all(children.map(({ ended }) => ended));
    }
  },
);
