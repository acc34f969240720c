/**
 * Generated requests to every operation: no response is a fault of the program, and each is one that the document promises.
 * `npm run fuzz:api` plays more of them.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { startApiCluster } from '../api/cluster.ts';
import { pythonWith } from '../scenario/python.ts';
import { endWithUs } from '../support/children.ts';
import { Script } from '../support/script.ts';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../..');
/** Generated requests of each operation. */
const EXAMPLES = process.env['OCPP_FUZZ_EXAMPLES'] ?? '30';
const SEED = '1';
const LONGEST_MS = process.env['OCPP_FUZZ_EXAMPLES'] === undefined ? 300_000 : 3_000_000;

test('generated requests get only responses that the document promises', async (t) => {
  t.timeout(3_600_000);
  const python = await pythonWith(['schemathesis==4.32.0']);
  if ('missing' in python) {
    t.log(`SKIPPED: ${python.missing}`);
    return process.env['CI'] === 'true' ? t.fail(python.missing) : t.pass();
  }
  await using cluster = await startApiCluster({ OCPP_API_REQUESTS_PER_SECOND: '10000' });
  const station = (id: string) => new Script(ROOT, 'examples/charging-station.ts', [cluster.proxy.url, id]);
  await using one = station('CP-1');
  await using other = station('CP-2');
  await Promise.all([one.says(/connected: /), other.says(/connected: /)]);
  await cluster.ask('PUT', '/v1/tokens/A', { body: { status: 'Accepted' } });
  await cluster.ask('POST', '/v1/stations/CP-1/start', { body: { token: 'A' } });
  await one.says(/start: A Accepted/);

  const how = `--seed ${SEED} --max-examples ${EXAMPLES} --request-timeout 60 --no-color`.split(' ');
  const config = ['--config-file', join(HERE, 'schemathesis.toml')];
  const access = ['-H', 'Authorization: Bearer admin'];
  const document = `${cluster.api.apiUrl}/openapi.json`;
  const child = endWithUs(
    spawn(python.path, ['-m', 'schemathesis.cli', ...config, 'run', document, ...access, ...how], {
      cwd: cluster.folder,
      env: { ...process.env, SCHEMATHESIS_HOOKS: 'hooks', PYTHONPATH: HERE },
    }),
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => (output += String(text)));
    // A long run shows how far it is.
    if (process.env['OCPP_FUZZ_EXAMPLES'] !== undefined) stream.pipe(process.stderr, { end: false });
  }
  // A response that never ends would hold it.
  const last = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
  const status = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(last);
  t.is(status, 0, output);
  const [, cases = '0'] = /(\d+) generated/.exec(output) ?? [];
  t.log(`${cases} requests`);
  t.true(Number(cases) > 40 * Number(EXAMPLES), output);
  t.notRegex(cluster.api.log, /internal-error/);
  return undefined;
});
