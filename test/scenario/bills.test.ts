/** `npm start` with a bill sink and a real PostgreSQL: a bill of a simulated station arrives there, whatever happens in between. */
import test from 'ava';
import type { OcppClusterStatus } from '../../operator/api/ocpp-cluster.ts';
import { parseManifest } from '../../operator/local/cli/manifest.ts';
import { componentOf } from '../../operator/local/kinds.ts';
import { LocalCluster } from '../../operator/local/local-cluster.ts';
import { hasPostgres, type PostgresServer, startPostgres } from '../bill-sink/postgres-server.ts';
import { isClean, startSimulation } from '../simulator/simulation.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

const run = hasPostgres() ? test : test.skip;

const manifest = (port: number, { url }: PostgresServer, billing: string) =>
  parseManifest(
    `
apiVersion: ocpp.dev/v1alpha1
kind: OcppCluster
metadata: { name: bills, namespace: test }
spec:
  listeners: [{ name: stations, port: ${port}, path: /ocpp }]
  proxy: { replicas: 1 }
  processor: { unknownTokens: Accept }
  billing: ${billing}
---
apiVersion: v1
kind: Secret
metadata: { name: postgres, namespace: test }
stringData: { url: "${url}" }
`,
    'bills.yaml',
  );

run(
  'a cluster gets a bill sink while it runs, PostgreSQL dies and returns, and no bill is missing',
  async (t) => {
    t.timeout(240_000);
    await using postgres = await startPostgres();
    const said: string[] = [];
    const path = process.env['PATH'] ?? '';
    const say = (text: string) => void said.push(text);
    const local = await LocalCluster.start({ path, logLevel: 'info', redis: true, data: undefined, say });
    try {
      const port = await freePort();
      const apply = (billing: string) => local.apply(manifest(port, postgres, billing));
      const status = async (): Promise<OcppClusterStatus> => (await local.clusters())[0]?.status ?? {};
      const isAvailable = async () =>
        (await status()).conditions?.some(({ type, status: is }) => type === 'Available' && is === 'True') ===
        true;
      const sinkHas = (ready: number) => async () => (await status()).billing?.readyReplicas === ready;
      const processors = async () =>
        (await local.pods())
          .filter((pod) => componentOf(pod) === 'processor')
          .map(({ metadata }) => metadata.uid);
      /** Charges once. */
      const charge = async (identity: string) => {
        const options = { url: `ws://127.0.0.1:${port}/ocpp`, stations: 1, identity, longChargingShare: 1 };
        const summary = await startSimulation({ ...options, seconds: 4, cadenceSeconds: 1 }).done;
        t.true(isClean(summary), JSON.stringify(summary));
      };
      const billed = () =>
        postgres
          .query<{ station_id: string }>('SELECT station_id FROM ocpp.bills ORDER BY 1')
          .then((rows) => rows.map(({ station_id }) => station_id));
      const arrived = (count: number) =>
        until(async () => (await billed()).length === count, `${count} bills in PostgreSQL`);

      await apply('{}');
      await until(isAvailable, 'a cluster without a sink', 60_000);
      t.is((await status()).billing, undefined);
      const before = await processors();
      await charge('BEFORE');

      await apply('{ sink: { postgres: { secretName: postgres } } }');
      await until(sinkHas(1), 'a sink that moves bills', 60_000);
      await charge('WITH');
      await arrived(2);

      await postgres.kill();
      await until(sinkHas(0), 'a sink without PostgreSQL', 60_000);
      t.true(
        said.some((line) => /bill-sink.*PostgreSQL is away or refuses: entries wait in Redis/.test(line)),
      );
      await charge('WITHOUT');
      t.true(await isAvailable(), 'no station needs PostgreSQL');
      await postgres.restart();
      await until(sinkHas(1), 'a sink with PostgreSQL again', 60_000);
      await arrived(3);
      t.deepEqual(await billed(), ['BEFORE', 'WITH', 'WITHOUT']);

      await apply('{}');
      await until(
        async () => (await status()).billing === undefined,
        'a cluster without a sink again',
        60_000,
      );
      t.deepEqual(await processors(), before, 'no processor was replaced');
    } finally {
      await local.stop();
    }
  },
);
