/** Settings that change without a restart: what the operator renders is what the programs take while they run. */
import test from 'ava';
import { defaultedSpec } from '../../../operator/api/defaults.ts';
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import { hasLiveSettings } from '../../../operator/render/program.ts';
import { monolithObjects } from '../../../operator/local/monolith.ts';
import { proxyGraceSeconds } from '../../../operator/render/ws-proxy.ts';
import {
  handlerSettings,
  processorSettings,
  readHandlerSettings,
} from '../../../services/processor/config.ts';
import { readSettings, type Settings } from '../../../services/runtime/config.ts';
import { tracedProxySettings } from '../../../services/ws-proxy/config.ts';
import { find, rendered } from '../../support/rendered.ts';

const data = (spec: OcppClusterSpec, part: string) =>
  (find(rendered(spec), `ConfigMap/city-${part}`) as unknown as { data: Record<string, string> }).data;
const liveOf = (table: Settings) =>
  Object.values(table).flatMap(({ env, live }) => (live === true ? [env] : []));

/** With no action, as a program has it by default. */
const DECIDER = {
  url: 'https://decider.example.com',
  signingSecret: { name: 'decider', key: 'secret' },
  actions: [],
};
const COLLECTOR = { endpoint: 'http://collector:4318' };
const PROGRAMS = [
  ['ws-proxy', tracedProxySettings],
  ['processor', processorSettings],
] as const;

for (const [part, table] of PROGRAMS) {
  test(`the ConfigMap of the ${part} has every setting that it takes while it runs, defaults too, and no other`, (t) => {
    const texts = data({ authentication: {}, decisions: { webhook: DECIDER }, tracing: COLLECTOR }, part);
    t.deepEqual(Object.keys(texts).sort(), liveOf(table).toSorted());
    const [withNone, withAll] = [readSettings(table, {}), readSettings(table, {}, texts)];
    t.deepEqual(withAll.problems, []);
    t.deepEqual(withAll.values, withNone.values, 'both sides have the same defaults');
  });
}

test('the ConfigMap of a cluster that asks no station who it is stays as it was before there was a choice', (t) => {
  const added = Object.keys(data({ authentication: {} }, 'ws-proxy'));
  const without = Object.keys(data({}, 'ws-proxy'));
  t.deepEqual(
    added.filter((name) => !without.includes(name)),
    [
      'OCPP_AUTHENTICATION_MODE',
      'OCPP_UNKNOWN_STATIONS',
      'OCPP_UNKNOWN_STATION_STATUS',
      'OCPP_ENROLMENT',
      'OCPP_LISTENER_LIMITS',
    ],
  );
});

test('so does that of a cluster without a decider', (t) => {
  const without = Object.keys(data({}, 'processor'));
  const added = Object.keys(data({ decisions: { webhook: DECIDER } }, 'processor'));
  t.deepEqual(
    added.filter((name) => !without.includes(name)),
    ['OCPP_DECISION_WEBHOOK_TIMEOUT', 'OCPP_DECISION_WEBHOOK_ACTIONS'],
  );
});

test('so does that of a cluster without traces', (t) => {
  const without = Object.keys(data({}, 'ws-proxy'));
  const added = Object.keys(data({ tracing: COLLECTOR }, 'ws-proxy'));
  t.deepEqual(
    added.filter((name) => !without.includes(name)),
    ['OCPP_TRACE_SHARE'],
  );
  t.deepEqual(data({ tracing: COLLECTOR }, 'processor'), data({}, 'processor'));
});

test('a variable of the podTemplate is left out: it would lose against the file', (t) => {
  const podTemplate = { env: [{ name: 'OCPP_DRAIN_RATE', value: '3' }] };
  t.false('OCPP_DRAIN_RATE' in data({ proxy: { podTemplate } }, 'ws-proxy'));
  t.true('OCPP_UNKNOWN_TOKENS' in data({ proxy: { podTemplate } }, 'processor'));
});

test('each program has its own log level, and stations get whole seconds between Heartbeats', (t) => {
  const spec: OcppClusterSpec = {
    proxy: { logLevel: 'debug' },
    processor: { logLevel: 'warn', heartbeatSeconds: 3600 },
  };
  t.is(data(spec, 'ws-proxy')['LOG_LEVEL'], 'debug');
  t.like(data(spec, 'processor'), { LOG_LEVEL: 'warn', OCPP_HEARTBEAT_INTERVAL: '3600s' });
  const { values } = readSettings(processorSettings, {}, data(spec, 'processor'));
  t.is(readHandlerSettings(values).heartbeatSeconds, 3600);
  t.is(values.logLevel, 'warn');
});

test('a rate that was taken out of the spec is no limit again, though the process began with one', (t) => {
  t.is(data({ proxy: { admission: { bootsPerSecond: 5 } } }, 'ws-proxy')['OCPP_BOOT_RATE'], '5');
  t.is(data({}, 'ws-proxy')['OCPP_BOOT_RATE'], '0');
});

test('the grace period has steps, and is never shorter than a drain needs', (t) => {
  const grace = (ratePerSecond: number, deadlineSeconds: number, renderRevision = 3) => {
    const spec = defaultedSpec({
      apiVersion: 'ocpp.dev/v1alpha1',
      kind: 'OcppCluster',
      metadata: { name: 'city' },
      spec: { proxy: { drain: { ratePerSecond, deadlineSeconds } } },
    });
    return proxyGraceSeconds({ spec, renderRevision });
  };
  t.is(grace(100, 300, 2), 325);
  // 20 000 sockets; 55 s besides the closes.
  for (const [rate, deadline, expected] of [
    [100, 300, 600],
    [10_000, 1, 600],
    [100, 575, 600],
    [100, 576, 1200],
    [20, 1000, 1200],
    [10, 2000, 2400],
    [6, 3500, 3600],
  ] as const)
    t.is(grace(rate, deadline), expected, `${rate}/s, ${deadline} s`);
});

test('clusters of earlier revisions have no ConfigMap, and their Pods the variables', (t) => {
  const objects = rendered({}, { renderRevision: 2 });
  t.false(hasLiveSettings({ renderRevision: 2 }));
  t.deepEqual(
    objects.filter(({ kind }) => kind === 'ConfigMap'),
    [],
  );
  t.regex(JSON.stringify(objects), /OCPP_MAX_SESSIONS/);
  t.notRegex(JSON.stringify(objects), /LOG_LEVEL|OCPP_HEARTBEAT_INTERVAL/, 'a default replaces no Pod');
  const spec: OcppClusterSpec = { proxy: { logLevel: 'debug' }, processor: { heartbeatSeconds: 60 } };
  const changed = rendered(spec, { renderRevision: 2 });
  const variables = (part: string) => find(changed, `Deployment/city-${part}`).spec['template'];
  t.regex(JSON.stringify(variables('ws-proxy')), /"LOG_LEVEL","value":"debug"/);
  t.regex(JSON.stringify(variables('processor')), /"OCPP_HEARTBEAT_INTERVAL","value":"60s"/);
  t.notRegex(JSON.stringify(variables('processor')), /LOG_LEVEL/);
});

test('one process without Redis takes the settings of both programs, and the log level of the ws-proxy', (t) => {
  const settings = (spec: OcppClusterSpec) => {
    const metadata = { name: 'city', namespace: 'charging', uid: 'u' };
    const objects = monolithObjects(
      { apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster', metadata, spec },
      '',
    );
    return objects.find(({ kind }) => kind === 'ConfigMap') as unknown as { data: Record<string, string> };
  };
  const spec: OcppClusterSpec = { proxy: { logLevel: 'debug' }, processor: { heartbeatSeconds: 60 } };
  t.like(settings(spec).data, {
    LOG_LEVEL: 'debug',
    OCPP_HEARTBEAT_INTERVAL: '60s',
    OCPP_MAX_SESSIONS: '20000',
  });
  const podTemplate = { env: [{ name: 'LOG_LEVEL', value: 'warn' }] };
  t.false('LOG_LEVEL' in settings({ ...spec, proxy: { podTemplate } }).data);
});

test('every setting of the handlers but their time limit is taken while they run', (t) => {
  const fixed = Object.values(handlerSettings).flatMap((one) => ('live' in one ? [] : [one.env as string]));
  t.deepEqual(fixed, ['OCPP_HANDLER_TIMEOUT']);
});
