/** A release of the processor that ends as soon as it starts. */
import { TEXTS } from '../../services/console/texts.ts';
import { CONDITION_TEXTS } from '../../services/console/condition-texts.ts';
import { isReady } from '../../operator/local/kinds.ts';
import { until } from '../support/until.ts';
import { type Incident, patchStep } from './incident.ts';

/** npm start runs no image but that of the sources: Node.js ends at once with this, as a broken image does. */
const BROKEN = [{ name: 'NODE_OPTIONS', value: '--import=/opt/missing.mjs' }];

export const processorBroken: Incident = {
  name: 'The new processor does not start',
  picture: 'incident-processor-broken',
  alert: 'OcppClusterDegraded',
  says: [CONDITION_TEXTS['Degraded']?.['PodsNotStarting']?.[0] ?? ''],
  cards: [TEXTS.network.processors.title],
  ...patchStep({ spec: { processor: { podTemplate: { env: null } } } }),
  happen: (network) => network.patch({ spec: { processor: { podTemplate: { env: BROKEN } } } }),
  /** The earlier Pod serves until a new one is ready. */
  async meanwhile(t, network) {
    const pods = await network.pods('processor');
    t.is(pods.filter(isReady).length, 1);
    t.regex(await network.bootOnce(), /^\[3,"1",.*"status":"Accepted"/);
  },
  async after(t, network) {
    await until(async () => (await network.pods('processor')).length === 1, 'one processor');
    t.deepEqual((await network.pods('processor')).map(isReady), [true]);
  },
};
