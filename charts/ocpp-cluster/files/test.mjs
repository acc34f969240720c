// Run by `helm test`: a station connects to each listener, sends a Heartbeat and waits for the answer, so that proxy, Redis
// and processor are all there. A listener of ASKING_URLS must refuse it, as it proves nothing, or let it in with mode Report.
// Tries again until TEST_SECONDS have passed, then ends with exit code 1.
import { request as plain } from 'node:http';
import { request as encrypted } from 'node:https';

const { STATION_URLS = '', ASKING_URLS = '', PROTOCOLS = '', TEST_SECONDS = '60' } = process.env;
const DEADLINE = Date.now() + Number(TEST_SECONDS) * 1000;
const ATTEMPT_MS = Math.min(10, Number(TEST_SECONDS)) * 1000;
const ID = 'helm-test';

/** Any answer proves the way there and back, an error of the processor too. */
function heartbeat(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, PROTOCOLS.split(','));
    const fail = (why) => {
      socket.close();
      reject(new Error(why));
    };
    const timer = setTimeout(fail, ATTEMPT_MS, `no answer within ${ATTEMPT_MS / 1000} s`);
    socket.addEventListener('open', () => socket.send(JSON.stringify([2, ID, 'Heartbeat', {}])));
    socket.addEventListener('error', (event) =>
      fail(event.error?.message || event.message || 'the connection was refused'),
    );
    socket.addEventListener('close', ({ code, reason }) => fail(`closed with ${code} ${reason}`));
    socket.addEventListener('message', ({ data }) => {
      const [type, id] = JSON.parse(data);
      if (id !== ID || (type !== 3 && type !== 4)) return;
      clearTimeout(timer);
      resolve(data);
      socket.close(1000);
    });
  });
}

/** 404: spec.authentication.unknownStationStatus may say so. */
const REFUSALS = new Set([401, 404]);

/** The certificate may be of any authority. */
function handshake(url) {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.from('helm-test-client').toString('base64'),
    'sec-websocket-protocol': PROTOCOLS.split(',').join(', '),
  };
  return new Promise((resolve, reject) => {
    const options = { headers, rejectUnauthorized: false, timeout: ATTEMPT_MS, agent: false };
    const asked = (url.startsWith('https:') ? encrypted : plain)(url, options);
    asked.once('timeout', () => asked.destroy(new Error(`no answer within ${ATTEMPT_MS / 1000} s`)));
    asked.once('error', reject);
    asked.once('upgrade', (_, socket) => {
      socket.destroy();
      resolve('with the upgrade');
    });
    asked.once('response', ({ statusCode }) => {
      asked.destroy();
      if (REFUSALS.has(statusCode)) resolve(`with ${statusCode}, as the station proves nothing`);
      else reject(new Error(`answered with ${statusCode}`));
    });
    asked.end();
  });
}

const listed = (urls) => urls.split(',').filter((url) => url !== '');
const checks = [
  ...listed(STATION_URLS).map((url) => [url, heartbeat]),
  ...listed(ASKING_URLS).map((url) => [url, handshake]),
];

for (const [url, check] of checks) {
  for (;;) {
    try {
      console.log(`ok: ${url} answered ${await check(url)}`);
      break;
    } catch (error) {
      if (Date.now() > DEADLINE) {
        console.error(`FAILED: ${url}: ${error.message}`);
        process.exit(1);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
