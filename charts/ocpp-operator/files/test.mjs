// Run by `helm test`: is the operator ready, and does the API server serve its kind? Both within a minute, or exit code 1.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';

const ACCOUNT = process.env.SERVICE_ACCOUNT ?? '/var/run/secrets/kubernetes.io/serviceaccount';
const { OPERATOR_URL, KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port } = process.env;
const DEADLINE = Date.now() + Number(process.env.TEST_SECONDS ?? 60) * 1000;
const ATTEMPT_MS = 5000;

async function operatorIsReady() {
  const answer = await fetch(OPERATOR_URL, { signal: AbortSignal.timeout(ATTEMPT_MS) });
  if (!answer.ok) throw new Error(`it answers ${answer.status}: ${(await answer.text()).slice(0, 500)}`);
}

async function kindIsServed() {
  const text = await get('/apis/ocpp.dev/v1alpha1');
  const served = JSON.parse(text).resources.map(({ name }) => name);
  for (const name of ['ocppclusters', 'ocppclusters/status', 'ocppclusters/scale']) {
    if (!served.includes(name)) throw new Error(`${name} is not among ${served.join(', ')}`);
  }
}

function get(path) {
  const options = {
    host,
    port,
    path,
    ca: readFileSync(`${ACCOUNT}/ca.crt`),
    headers: { authorization: `Bearer ${readFileSync(`${ACCOUNT}/token`, 'utf8')}` },
    signal: AbortSignal.timeout(ATTEMPT_MS),
  };
  return new Promise((resolve, reject) => {
    const call = request(options, async (answer) => {
      const text = (await answer.toArray()).join('');
      if (answer.statusCode === 200) resolve(text);
      else reject(new Error(`the API server answers ${answer.statusCode}: ${text.slice(0, 500)}`));
    });
    call.on('error', reject);
    call.end();
  });
}

async function check(what, attempt) {
  for (;;) {
    try {
      await attempt();
      console.log(`ok: ${what}`);
      return;
    } catch (error) {
      if (Date.now() > DEADLINE) {
        console.error(`FAILED: ${what}: ${error.message} ${error.cause?.message ?? ''}`);
        process.exit(1);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

await check(`the operator is ready (${OPERATOR_URL})`, operatorIsReady);
await check('the API server serves ocpp.dev/v1alpha1 ocppclusters', kindIsServed);
