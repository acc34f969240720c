/** Entries of stations from files and from a webhook, on a real socket: reloads, mistakes, and a webhook that is away. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { until } from '../../support/until.ts';
import { basic, hasher, knock, openDoor, statusOf } from './door.ts';

const password = 'correct horse battery';
const entryOf = (identity: string) => ({ password: hasher.hash(identity, password) });

test('files: a change applies while it runs, a mistake is refused and the last good files stay', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'stations-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, `.${name}`), text);
    await rename(join(folder, `.${name}`), join(folder, name));
  };
  await write('north.json', JSON.stringify({ 'CP-1': entryOf('CP-1') }));
  await using door = await openDoor({ OCPP_STATION_SOURCE: 'files', OCPP_STATIONS_FOLDER: folder });
  const port = door.ports.get(1);
  const first = await knock(port, 'CP-1', basic('CP-1', password));
  t.is(first.answer.status, 101);
  t.is(await statusOf(port, 'CP-2', basic('CP-2', password)), 401);
  await write('south.json', JSON.stringify({ 'CP-2': entryOf('CP-2') }));
  await until(() => door.proxy.log.includes('"stations":2'), 'the new file to apply');
  t.is(await statusOf(port, 'CP-2', basic('CP-2', password)), 101);
  for (const [text, says] of [
    ['{"CP-3":{"password":7}}', /south\.json: station CP-3: password must be a text/],
    ['not JSON', /south\.json: not JSON/],
    [JSON.stringify({ 'CP-1': entryOf('CP-1') }), /south\.json: station CP-1 is listed twice/],
  ] as const) {
    await write('south.json', text);
    await until(() => says.test(door.proxy.log), `the refusal of ${text}`);
  }
  t.is(await statusOf(port, 'CP-2', basic('CP-2', password)), 101, 'the last good files stay');
  t.regex((await door.proxy.ask('/metrics')).text, /^ocpp_proxy_station_source_failing 1$/m);
  await write('south.json', '{}');
  await write('north.json', JSON.stringify({ 'CP-1': { ...entryOf('CP-1'), blocked: true } }));
  t.is(await first.station.closeCode(), 1008);
  await first.station[Symbol.asyncDispose]();
});

/** Accepts CP-* with the password, and records what it was asked. */
async function startWebhook() {
  const asked: { readonly identity: string; readonly authorization: string | undefined }[] = [];
  let mode: 'normal' | 'error' | 'nonsense' | 'silent' = 'normal';
  const answer = (request: IncomingMessage, response: ServerResponse, body: string) => {
    const { identity, password: given } = JSON.parse(body) as { identity: string; password?: string };
    asked.push({ identity, authorization: request.headers.authorization });
    const accept = identity.startsWith('CP-') && given === password;
    if (mode === 'error') response.writeHead(500).end();
    else if (mode !== 'silent') response.end(JSON.stringify(mode === 'nonsense' ? { ok: 1 } : { accept }));
  };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += part)).on('end', () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/stations`,
    set mode(next: typeof mode) {
      mode = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a webhook decides; accepted stations are cached, and while it is away no other station gets in', async (t) => {
  await using webhook = await startWebhook();
  await using door = await openDoor({
    OCPP_STATION_SOURCE: 'webhook',
    OCPP_AUTHENTICATION_WEBHOOK_URL: webhook.url,
    OCPP_AUTHENTICATION_WEBHOOK_TIMEOUT: '2s',
  });
  const port = door.ports.get(1);
  const first = await knock(port, 'CP-1', basic('CP-1', password));
  t.is(first.answer.status, 101);
  t.is(await statusOf(port, 'CP-1', basic('CP-1', 'wrong password here')), 401);
  t.is(await statusOf(port, 'OTHER', basic('OTHER', password)), 401);
  t.is(await statusOf(port, 'CP-1'), 401, 'it is not asked without a password');
  t.is(webhook.asked.length, 3);
  webhook.mode = 'silent';
  t.is(await statusOf(port, 'CP-1', basic('CP-1', password)), 101, 'cached');
  for (const mode of ['silent', 'error', 'nonsense'] as const) {
    webhook.mode = mode;
    const { station, answer } = await knock(port, `CP-${mode}`, basic(`CP-${mode}`, password));
    t.is(answer.status, 503, mode);
    t.true(Number(answer.headers.get('retry-after')) >= 5, mode);
    await station[Symbol.asyncDispose]();
  }
  t.regex((await door.proxy.ask('/metrics')).text, /^ocpp_proxy_station_source_failing 1$/m);
  const line = 'the entries of stations cannot be used: new stations may be refused, connected ones stay';
  await until(() => door.proxy.log.includes(line), 'the line of the log');
  webhook.mode = 'normal';
  // After the pause of the circuit breaker, if it is open.
  await until(
    async () => (await statusOf(port, 'CP-3', basic('CP-3', password))) === 101,
    'the door to open again',
  );
  t.regex((await door.proxy.ask('/metrics')).text, /^ocpp_proxy_station_source_failing 0$/m);
  t.notRegex(door.proxy.log, /correct horse/);
  await first.station[Symbol.asyncDispose]();
});

const REFUSED: readonly (readonly [says: RegExp, env: Readonly<Record<string, string>>])[] = [
  [/OCPP_STATION_SOURCE: .*need a source of passwords/, { OCPP_STATION_SOURCE: 'none' }],
  [/OCPP_PASSWORD_KEY_FILE: .*need the key/, { OCPP_PASSWORD_KEY_FILE: '' }],
  [/OCPP_PASSWORD_KEY_FILE: \/nowhere: cannot be read \(ENOENT\)/, { OCPP_PASSWORD_KEY_FILE: '/nowhere' }],
  [/OCPP_STATIONS_FOLDER: the source files needs a folder/, { OCPP_STATION_SOURCE: 'files' }],
  [
    /\/nowhere: no usable entries of stations/,
    { OCPP_STATION_SOURCE: 'files', OCPP_STATIONS_FOLDER: '/nowhere' },
  ],
  [/OCPP_AUTHENTICATION_WEBHOOK_URL: the source webhook needs a URL/, { OCPP_STATION_SOURCE: 'webhook' }],
  [
    /OCPP_AUTHENTICATION_WEBHOOK_URL: a webhook needs an http/,
    { OCPP_STATION_SOURCE: 'webhook', OCPP_AUTHENTICATION_WEBHOOK_URL: 'ftp://x' },
  ],
];

for (const [index, [says, env]] of REFUSED.entries()) {
  test(`a proxy with a door that cannot work does not start, and says why (${index})`, async (t) => {
    await t.throwsAsync(openDoor(env), { message: says });
  });
}
