/** Two ws-proxies, and all stations on one of them: those that are connected stay where they are. */
import { TEXTS } from '../../services/console/texts.ts';
import { until } from '../support/until.ts';
import type { Incident } from './incident.ts';
import { CLUSTER, STATIONS } from './network.ts';

const REBALANCE = 'ocpp.dev/rebalance';

export const unevenProxies: Incident = {
  name: 'One ws-proxy holds all stations',
  picture: 'incident-uneven-proxies',
  alert: 'OcppProxiesUneven',
  says: [TEXTS.network.findings.skew.title],
  cards: [TEXTS.network.proxies.title],
  commands: [
    `kubectl -n ${CLUSTER.namespace} annotate ocpp ${CLUSTER.name} --overwrite ${REBALANCE}="$(date +%s)"`,
  ],
  happen: (network) => network.patch({ spec: { proxy: { replicas: 2 } } }),
  repair: (network) => network.annotate(REBALANCE, String(Math.round(Date.now() / 1000))),
  async after(t, network) {
    const online = () => network.simulation.progress().online;
    await until(() => online() === STATIONS, 'all stations', 60_000, 200);
    const each = async () => (await network.world.query('ocpp_proxy_sessions')).map(({ value }) => value);
    const areEven = async () => (await each()).every((one) => Math.abs(one - STATIONS / 2) <= STATIONS / 5);
    await until(areEven, 'two ws-proxies with about the same number', 60_000, 200);
    t.is((await each()).length, 2);
  },
};
