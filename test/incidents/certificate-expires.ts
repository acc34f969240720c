/** The certificate of a listener ends in three days. */
import { connect } from 'node:tls';
import { CONDITION_TEXTS } from '../../services/console/condition-texts.ts';
import { until } from '../support/until.ts';
import type { Incident } from './incident.ts';
import { certificateOf, CLUSTER, type Network } from './network.ts';

const SECRET = 'station-tls';

/** Of the certificate that a station gets; days. */
async function daysLeft({ tlsPort }: Network): Promise<number> {
  const socket = connect({ host: '127.0.0.1', port: tlsPort, rejectUnauthorized: false });
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const { valid_to: end } = socket.getPeerCertificate();
  socket.destroy();
  return (Date.parse(end) - Date.now()) / 86_400_000;
}

let podsBefore: readonly string[] = [];
let reconnectsBefore = 0;
const namesOf = async (network: Network) =>
  (await network.pods('ws-proxy')).map(({ metadata }) => metadata.name).sort();

export const certificateExpires: Incident = {
  name: 'A certificate is about to expire',
  picture: 'incident-certificate-expires',
  alert: 'OcppCertificateExpires',
  says: [CONDITION_TEXTS['Secured']?.['CertificateExpiring']?.[0] ?? ''],
  cards: [],
  commands: [
    `kubectl -n ${CLUSTER.namespace} create secret tls ${SECRET} --cert=new.crt --key=new.key --dry-run=client -o yaml | kubectl apply -f -`,
  ],
  happen: async (network) => network.replaceSecret(SECRET, await certificateOf(3)),
  async meanwhile(_t, network) {
    podsBefore = await namesOf(network);
    reconnectsBefore = network.simulation.progress().moves.reconnects;
  },
  repair: async (network) => network.replaceSecret(SECRET, await certificateOf(90)),
  /** No Pod is replaced for it, and no station reconnects. */
  async after(t, network) {
    await until(async () => (await daysLeft(network)) > 80, 'the new certificate', 60_000, 200);
    t.deepEqual(await namesOf(network), podsBefore);
    t.is(network.simulation.progress().moves.reconnects, reconnectsBefore);
  },
};
