/** examples/backend-python verifies, decides, and handles each event once. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { signatureHeaders } from '../../services/runtime/webhook-signature.ts';
import { endWithUs } from '../support/children.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { SECRET } from '../api/webhooks/receiver.ts';
import { ROOT } from './page-commands.ts';

test('the back end in Python refuses a wrong signature, decides, and handles an event once', async (t) => {
  const port = await freePort();
  const file = join(ROOT, 'examples/backend-python/backend.py');
  const env = { ...process.env, SECRET, API: '' };
  const child = endWithUs(spawn('python3', [file, `${port}`], { env, stdio: ['ignore', 'pipe', 'inherit'] }));
  t.teardown(() => child.kill());
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const post = async (path: string, body: object, id = 'e-1', seconds = Math.floor(Date.now() / 1000)) => {
    const text = JSON.stringify(body);
    const headers = signatureHeaders(SECRET, id, seconds, text);
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body: text });
    return { status: response.status, body: await response.json() };
  };
  const event = { id: 'e-1', type: 'ocpp.station-booted', subject: 'CP-1', data: {} };
  await until(() => post('/events', event), 'the server');
  t.is((await post('/events', event)).status, 200);
  t.is((await post('/events', event, 'e-1', 1)).status, 401, 'an old request');
  await until(() => said !== '', 'its output');
  t.deepEqual(said, 'ocpp.station-booted CP-1 {}\n');
  const decided = async (token: string) =>
    (await post('/decide', { action: 'Authorize', request: { idTag: token } })).body;
  t.deepEqual(await decided('04a2b3c4'), { status: 'Accepted' });
  t.deepEqual(await decided('other'), { status: 'Blocked' });
});
