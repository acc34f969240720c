/** Real programs: a processor that dies while a decider is asked, its metrics, and settings that change while it runs. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import test from 'ava';
import { ENV, PATH } from '../../../services/contract.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { SettingsFolder } from '../../support/settings-folder.ts';
import { until } from '../../support/until.ts';
import { startWebhook, type WebhookReply } from '../../support/webhook-server.ts';
import { socketStation } from '../security/station.ts';
import { BOOT_16, SECRET } from './world.ts';

const START = { connectorId: 1, idTag: 'ABC', meterStart: 5, timestamp: '2026-11-23T09:00:00Z' };

test('a processor dies while the decider is asked: the next one asks the same question, and the start is stored once', async (t) => {
  t.timeout(60_000);
  let reply: WebhookReply;
  await using webhook = await startWebhook(() => reply);
  await using server = await startRedis();
  const folder = await mkdtemp(join(tmpdir(), 'decider-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await using live = await SettingsFolder.make({ [ENV.decisionActions]: 'StartTransaction=Own' });
  await writeFile(join(folder, 'secret'), SECRET);
  const env = { REDIS_ADDR: server.addr, [ENV.lease]: '2s' };
  const decided = {
    ...env,
    [ENV.decisionUrl]: webhook.url,
    [ENV.decisionSecretFile]: join(folder, 'secret'),
    [ENV.decisionTimeout]: '10s',
    [ENV.settingsFolder]: live.path,
  };
  await using proxy = await startProgram('ws-proxy', env);
  await using first = await startProgram('processor', decided);
  await using station = socketStation(proxy.url, 'CP-1', 'ocpp1.6');
  await station.connect();
  const answer = station.ask('StartTransaction', START);
  answer.catch(() => undefined);
  await until(() => webhook.requests.length === 1, 'the question');
  await first.kill('SIGKILL');
  reply = { body: { status: 'Accepted' } };
  await using second = await startProgram('processor', decided);
  const { idTagInfo, transactionId } = await answer;
  t.deepEqual(idTagInfo, { status: 'Accepted' });
  t.is(webhook.requests.length, 2);
  t.is(webhook.requests[0]?.body['id'], webhook.requests[1]?.body['id']);
  t.is(webhook.requests[0]?.text, webhook.requests[1]?.text);
  const redis = new Redis(server.port, server.host);
  t.teardown(() => redis.disconnect());
  t.deepEqual(await redis.zrange('ocpp:open:CP-1', '0', '-1'), [`transaction:${String(transactionId)}`]);

  const { text } = await second.ask(PATH.metrics);
  t.regex(text, /ocpp_decisions_total\{action="StartTransaction",result="answered"\} 1/);
  t.regex(text, /ocpp_decision_seconds_count 1/);
  t.regex(text, /ocpp_webhook_open\{webhook="decisions"\} 0/);

  reply = { body: { status: 'Rejected', intervalSeconds: 60 } };
  t.like(await station.ask('BootNotification', BOOT_16), { status: 'Accepted' }, 'it does not decide that');
  await live.replace({ [ENV.decisionActions]: 'BootNotification=Own' });
  await until(
    async () => (await station.ask('BootNotification', BOOT_16))['status'] === 'Rejected',
    'the changed setting',
  );
  const status = { connectorId: 1, errorCode: 'NoError', status: 'Available' };
  await t.throwsAsync(station.ask('StatusNotification', status), undefined, 'a refused station waits');
});

test('a URL without a secret stops the program, and so does a fallback that does not exist', async (t) => {
  await t.throwsAsync(startProgram('processor', { [ENV.decisionUrl]: 'http://127.0.0.1:1' }), {
    message: /OCPP_DECISION_WEBHOOK_SECRET_FILE: requests to the decider must be signed/,
  });
  await t.throwsAsync(startProgram('processor', { [ENV.decisionActions]: 'DataTransfer=LastKnown' }), {
    message: /answers to DataTransfer are not kept/,
  });
});
