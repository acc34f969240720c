/** Real operator processes: the leader is killed, stopped regularly, and suspended past its Lease. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { PATH } from '../../../services/contract.ts';
import { sharedApiServer } from '../../support/shared-api-server.ts';
import { freePort } from '../../support/free-port.ts';
import { OperatorPair, type OperatorProcess, writeKubeconfig } from './operator-pair.ts';
import { Program } from '../../support/program.ts';
import { until } from '../../support/until.ts';

const LEASE_MS = 15_000;
/** A standby reads the Lease every 2 to 2.4 s, then its lists, on a busy machine. */
const SLACK_MS = 20_000;
const PATIENCE_MS = 60_000;

const shared = sharedApiServer(test);

const withPair = (title: string, run: (t: ExecutionContext, pair: OperatorPair) => Promise<void>) =>
  test(title, async (t) => {
    t.timeout(3 * PATIENCE_MS);
    const server = shared.given(t);
    if (server === undefined) return;
    await using pair = await OperatorPair.start(server);
    t.false(await pair.standby.leads());
    t.deepEqual(pair.standby.writes, [], 'the standby writes nothing');
    await run(t, pair);
  });

/** Time of its last write; performance.now(). */
const lastWrite = ({ writes }: OperatorProcess) => writes.at(-1)?.at ?? Number.NEGATIVE_INFINITY;

withPair('a leader that is killed: the other takes over when the Lease has ended', async (t, pair) => {
  const { leader, standby } = pair;
  const from = performance.now();
  await leader.program.kill('SIGKILL');
  const ms = await pair.takenOver(from);
  t.log(`took over ${ms} ms after the kill`);
  t.true(ms < LEASE_MS + SLACK_MS);
  t.true(lastWrite(leader) < (standby.writes[0]?.at ?? 0));
  t.log(`a deleted Deployment is back after ${await pair.repaired('city-processor')} ms`);
});

withPair('a leader that is stopped hands over without waiting for the end of the Lease', async (t, pair) => {
  const { leader, standby } = pair;
  const from = performance.now();
  t.is(await leader.program.kill('SIGTERM'), 0);
  const ms = await pair.takenOver(from);
  t.log(`took over ${ms} ms after SIGTERM`);
  t.true(ms < LEASE_MS);
  t.true(lastWrite(leader) < (standby.writes[0]?.at ?? 0));
});

withPair('a leader that was paused past its Lease writes nothing more, and ends', async (t, pair) => {
  const { leader, standby } = pair;
  // It is suspended while it waits for a response, which it finds when it resumes.
  const answer = Promise.withResolvers<void>();
  let held = false;
  let answered = false;
  leader.proxy.faults.push({
    on: ({ verb, resource }) => verb === 'apply' && resource === 'deployments',
    async answer({ response, forward }) {
      const { status, body } = await forward();
      held = true;
      await answer.promise;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body, () => (answered = true));
    },
  });
  await until(() => held, 'a write whose response is delayed', PATIENCE_MS);
  const from = performance.now();
  leader.program.signal('SIGSTOP');
  const ms = await pair.takenOver(from);
  t.log(`took over ${ms} ms after the pause began`);
  const before = leader.writes.length;
  answer.resolve();
  // The response is there when the process resumes, and may be read before any timer has run.
  await until(() => answered, 'the answer');
  leader.program.signal('SIGCONT');
  await until(() => leader.program.ended, 'it ends', PATIENCE_MS);
  t.is(await leader.program.kill('SIGKILL'), 1);
  t.regex(leader.program.log, /no longer leading/);
  t.deepEqual(leader.writes.slice(before), []);
  t.true(lastWrite(leader) < (standby.writes[0]?.at ?? 0));
  t.true(await standby.leads());
});

test('without an API server the operator is alive but not ready, and says why', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-operator-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const kubeconfig = join(folder, 'config');
  writeKubeconfig(kubeconfig, `http://127.0.0.1:${await freePort()}`, 'default');
  const ports = { admin: await freePort(), station: await freePort() };
  await using program = new Program('operator', { KUBECONFIG: kubeconfig }, ports);
  await until(
    () => program.log.includes('cannot read or write the lease'),
    'an attempt is logged',
    PATIENCE_MS,
  );
  t.is((await program.ask(PATH.liveness)).status, 200);
  const { status, text } = await program.ask(PATH.readiness);
  t.is(status, 503);
  t.regex(text, /^the API server http:\S+ cannot be reached, see the log$/m);
});
