/** The row of the operator: the program, on a real API server that is away for a while. */
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { PATH } from '../../services/contract.ts';
import { chartTest } from '../charts/helm.ts';
import { hasPrometheus, startPrometheus } from '../faults/prometheus-server.ts';
import { startProgram } from '../support/program.ts';
import { hasPromtool } from '../support/promtool.ts';
import { sharedApiServer } from '../support/shared-api-server.ts';
import { until } from '../support/until.ts';
import { allReturn, promtoolChecks } from './checks.ts';
import { queriesOf, renderDashboard } from './dashboard.ts';
import { ask, operatorScrape } from './world.ts';

const shared = sharedApiServer(test);
const run = chartTest !== test.skip && hasPrometheus() && hasPromtool() ? test : test.skip;

run(
  'queries about the operator return series, those about its errors after the API server was away',
  async (t) => {
    t.timeout(240_000);
    const server = shared.given(t);
    if (server === undefined) return;
    await using operator = await startProgram('operator', {
      KUBECONFIG: server.kubeconfig(),
      POD_NAMESPACE: 'default',
      // That of the child would win.
      KUBERNETES_SERVICE_HOST: undefined,
    });
    await using prometheus = await startPrometheus([operatorScrape(operator.adminPort)]);
    const create = (name: string) =>
      server.http.json({
        method: 'POST',
        path: '/apis/ocpp.dev/v1alpha1/namespaces/default/ocppclusters',
        body: { apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster', metadata: { name }, spec: {} },
      });
    await create('city');
    const reconciled = async () => (await ask(prometheus, 'ocpp_operator_cluster_condition')).length > 0;
    await until(reconciled, 'a reconcile', 60_000, 500);
    const ofRow = queriesOf(renderDashboard().dashboard).filter(({ panel }) => panel > 600 && panel < 700);
    t.true(ofRow.length > 10);
    await allReturn(
      t,
      prometheus,
      ofRow.filter(({ needs }) => needs === undefined),
      60,
    );
    const errors = async () =>
      (await operator.ask(PATH.metrics)).text.includes('ocpp_operator_reconciles_total{result="error"}');
    // In the middle of the writes for a new cluster, of which the first one is seen.
    for (let round = 1; round <= 5 && !(await errors()); round += 1) {
      const name = `town-${round}`;
      // The server is not ready at once after its restart.
      await until(() => create(name).then(() => true), 'another cluster', 60_000, 200);
      const path = `/api/v1/namespaces/default/serviceaccounts/${name}-redis`;
      const begun = () => server.http.json({ method: 'GET', path }).then(() => true);
      await until(begun, 'the first object of it', 60_000, 5);
      await server.kill();
      await wait(3000);
      await server.restart();
    }
    t.true(await errors(), 'a reconcile failed');
    await allReturn(t, prometheus, ofRow, 90);
    promtoolChecks(t, new Map([['operator', (await operator.ask(PATH.metrics)).text]]));
  },
);
