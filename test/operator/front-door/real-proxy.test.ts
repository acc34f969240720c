/** What the operator reads from a real ws-proxy: certificates of its listeners, refused files, stations that prove nothing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { WebSocket } from 'ws';
import { createScraper } from '../../../operator/signals/scrape.ts';
import { remember, signalsOf } from '../../../operator/signals/signals.ts';
import { ENV, PATH } from '../../../services/contract.ts';
import { freePort } from '../../support/free-port.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { certificateFolder, serverCertificate, tlsFiles } from '../../support/certificates.ts';
import { until } from '../../support/until.ts';

test('a real ws-proxy in mode Report: its certificate, a refused change of it, and a station that Enforce would refuse', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'door-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const files = tlsFiles(await serverCertificate());
  await using secret = await certificateFolder(files);
  const keyFile = join(folder, 'password-key');
  writeFileSync(keyFile, 'k'.repeat(32));
  const [plain, tls] = [await freePort(), await freePort()];
  const listeners = [
    { name: 'basic', port: plain, path: '/ocpp', securityProfile: 1 },
    { name: 'tls', port: tls, path: '/ocpp', securityProfile: 2, tls: { certificateFolders: [secret.path] } },
  ];
  await using redis = await startRedis();
  await using proxy = await startProgram('ws-proxy', {
    [ENV.redisAddr]: redis.addr,
    [ENV.listeners]: JSON.stringify(listeners),
    [ENV.authenticationMode]: 'Report',
    [ENV.stationSource]: 'register',
    [ENV.passwordKeyFile]: keyFile,
  });
  const scrape = createScraper(Date.now, (_, error) => {
    throw error;
  });
  const security = async () => {
    const target = {
      pod: 'a',
      component: 'ws-proxy',
      host: '127.0.0.1',
      port: proxy.adminPort,
      path: PATH.metrics,
    } as const;
    const history = remember(new Map(), await scrape([target]), ['a']);
    return signalsOf(history, { proxies: ['a'], now: Date.now(), staleMs: 60_000 }).security;
  };
  const first = await security();
  t.like(first, { unproven: 0, rejected: [], sourceFailing: [] });
  t.deepEqual(
    first?.certificates.map(({ listener, what }) => [listener, what]),
    [['tls', 'server']],
  );
  t.true((first?.certificates[0]?.expires ?? 0) > Date.now() / 1000);

  const station = new WebSocket(`ws://127.0.0.1:${plain}/ocpp/stranger`, 'ocpp1.6');
  t.teardown(() => station.terminate());
  await until(async () => (await security())?.unproven === 1, 'the count of the station');
  await secret.replace({ ...files, 'tls.crt': 'no certificate' });
  await until(async () => (await security())?.rejected[0]?.listener === 'tls', 'the refusal');
  t.regex((await security())?.rejected[0]?.problem ?? '', /tls\.crt/, 'the file is named');
  t.deepEqual((await security())?.certificates, first?.certificates, 'the earlier one stays');
});
