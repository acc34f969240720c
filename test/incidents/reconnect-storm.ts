/** All stations reconnect at once, and few may connect per second. */
import { TEXTS } from '../../services/console/texts.ts';
import { until } from '../support/until.ts';
import { type Incident, patchStep } from './incident.ts';
import { STATIONS } from './network.ts';

/** So few that the line lasts for half a minute. */
const FEW = 8;
const rate = (connectionsPerSecond: number) => ({ spec: { proxy: { admission: { connectionsPerSecond } } } });

export const reconnectStorm: Incident = {
  name: 'All stations reconnect at once',
  picture: 'incident-reconnect-storm',
  alert: 'OcppHandshakesWait',
  says: [TEXTS.network.findings.storm.handshakes.title],
  cards: [TEXTS.network.rates.title],
  ...patchStep(rate(2000)),
  async happen(network) {
    await network.patch(rate(FEW));
    const isSet = async () => {
      const limits = await network.world.query('sum(ocpp_proxy_rate_share{rate="handshakes"})');
      return (limits[0]?.value ?? Infinity) <= FEW + 1;
    };
    await until(isSet, 'the low rate in the running Pods', 60_000, 200);
    network.simulation.cut(STATIONS);
  },
  async after(t, network) {
    const online = () => network.simulation.progress().online;
    await until(() => online() === STATIONS, 'all stations', 60_000, 200);
    t.is(online(), STATIONS);
  },
};
