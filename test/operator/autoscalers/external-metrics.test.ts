/** The stand-in for external metrics that the test on a real cluster uses. */
import test from 'ava';
import { answer } from '../../e2e/autoscaling/external-metrics-server.ts';

const TEXT = `# HELP wanted x
# TYPE wanted gauge
wanted{namespace="a",cluster="one"} 3
wanted{namespace="a",cluster="two"} 4.25
wanted{namespace="b",cluster="one"} NaN
wanted_else{namespace="a",cluster="one"} 9
plain 7
`;
const BASE = '/apis/external.metrics.k8s.io/v1beta1';
interface Values {
  readonly items?: readonly { readonly metricName: string; readonly value: string }[];
}
const ask = async (path: string, text = TEXT) => {
  const list: Values | undefined = await answer(BASE + path, () => Promise.resolve(text));
  return list?.items?.map(({ metricName, value }) => `${metricName} ${value}`);
};
const select = (labels: string) => `/namespaces/any/wanted?labelSelector=${encodeURIComponent(labels)}`;

test('it answers with the selected samples, and with none for a series that is absent or NaN', async (t) => {
  t.deepEqual(await ask(select('namespace=a,cluster=one')), ['wanted 3000m']);
  t.deepEqual(await ask(select('cluster=two')), ['wanted 4250m']);
  t.deepEqual(await ask(select('namespace=b,cluster=one')), []);
  t.deepEqual(await ask(select('namespace=c')), []);
  t.deepEqual(await ask('/namespaces/any/absent'), []);
  t.deepEqual(await ask('/namespaces/any/plain'), ['plain 7000m']);
});

test('it is discovered, and knows no other path', async (t) => {
  const none = () => Promise.reject(new Error('no source is needed'));
  t.like(await answer(BASE, none), { kind: 'APIResourceList' });
  for (const path of ['/', '/openapi/v2', `${BASE}/namespaces/any`])
    t.is(await answer(path, none), undefined, path);
});
