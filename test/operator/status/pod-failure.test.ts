/** What the status of a Pod says about it, in each state that a failing container goes through. Pure. */
import test from 'ava';
import { podFailure } from '../../../operator/observe/pod-failure.ts';
import type { ContainerStatus, Pod } from '../../../operator/observe/workloads.ts';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

interface Given {
  readonly component?: string;
  /** Seconds since the Ready condition changed. */
  readonly since?: number;
  readonly deleted?: boolean;
}

function podOf(container: ContainerStatus, { component = 'ws-proxy', since, deleted }: Given = {}): Pod {
  const labels = { 'app.kubernetes.io/component': component };
  const status = container.ready === true ? 'True' : 'False';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', labels, ...(deleted === true && { deletionTimestamp: ago(-60) }) },
    status: {
      containerStatuses: [container],
      ...(since !== undefined && {
        conditions: [{ type: 'Ready', status, lastTransitionTime: ago(since) }],
      }),
    },
  };
}

const ERROR = { terminated: { reason: 'Error', exitCode: 2 } };
const running = (seconds: number) => ({ running: { startedAt: ago(seconds) } });

/** `OCPP_DRAIN_RATE=banana`: the program ends within a second of each start. */
const CRASH_LOOP: readonly (readonly [string, ContainerStatus])[] = [
  ['the first end', { restartCount: 0, state: ERROR }],
  ['the first restart', { restartCount: 1, ready: false, state: running(0), lastState: ERROR }],
  ['the second end', { restartCount: 1, state: ERROR, lastState: ERROR }],
  [
    'the first wait',
    { restartCount: 1, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: ERROR },
  ],
  ['the second restart', { restartCount: 2, ready: false, state: running(0), lastState: ERROR }],
  ['the third end', { restartCount: 2, state: ERROR, lastState: ERROR }],
  [
    'the second wait',
    { restartCount: 2, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: ERROR },
  ],
  ['a start that is never ready', { restartCount: 9, ready: false, state: running(600), lastState: ERROR }],
];

for (const [state, container] of CRASH_LOOP)
  test(`a crash loop is reported in every state: ${state}`, (t) => {
    t.regex(podFailure(podOf(container, { since: 600 }), NOW) ?? '', /^Pod p .*\(exit code 2\)/);
  });

const READY: readonly (readonly [string, ContainerStatus, Given, boolean])[] = [
  [
    'ready for 30 s after a crash',
    { restartCount: 1, ready: true, state: running(40), lastState: ERROR },
    { since: 30 },
    true,
  ],
  [
    'ready for a minute after a crash',
    { restartCount: 1, ready: true, state: running(70), lastState: ERROR },
    { since: 60 },
    false,
  ],
  [
    'running for long, ready for 30 s',
    { restartCount: 3, ready: true, state: running(500), lastState: ERROR },
    { since: 30 },
    true,
  ],
  [
    'ready again for long, and not ready since a moment',
    { restartCount: 3, ready: false, state: running(5000), lastState: ERROR },
    { since: 5 },
    false,
  ],
  [
    'a Redis that ended to read its new password',
    { restartCount: 2, ready: true, state: running(5), lastState: { terminated: { exitCode: 0 } } },
    { since: 2 },
    false,
  ],
  [
    'a program that ends without an error, again and again',
    { restartCount: 2, ready: false, state: running(0), lastState: { terminated: { exitCode: 0 } } },
    { since: 200 },
    true,
  ],
  ['a drain that ended with an error', { restartCount: 0, state: ERROR }, { deleted: true }, false],
  ['never restarted', { restartCount: 0, ready: true, state: running(5) }, { since: 2 }, false],
];

for (const [state, container, given, failing] of READY)
  test(`${failing ? 'a failure' : 'no failure'}: ${state}`, (t) => {
    t.is(podFailure(podOf(container, given), NOW) !== undefined, failing);
  });

/** As node-lifecycle-controller leaves a Pod of a silent node: only the Ready condition changes. */
const LOST: readonly (readonly [string, object, boolean])[] = [
  ['a moment ago', { lastTransitionTime: ago(1) }, true],
  ['not by a readiness gate', { lastTransitionTime: ago(1), reason: 'ReadinessGatesNotReady' }, false],
  ['not while the kubelet says so', { lastTransitionTime: ago(1), reason: 'ContainersNotReady' }, false],
];
for (const [name, ready, lost] of LOST)
  test(`a node that does not answer is named at once: ${name}`, (t) => {
    for (const deletionTimestamp of [undefined, ago(-30)]) {
      const pod: Pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p', ...(deletionTimestamp !== undefined && { deletionTimestamp }) },
        spec: { nodeName: 'node-3' },
        status: {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: 'False', ...ready }],
          containerStatuses: [{ ready: true, state: running(5000) }],
        },
      };
      t.is(podFailure(pod, NOW)?.includes('its node node-3 does not answer'), lost ? true : undefined);
    }
  });

test('a Pod that was evicted and replaced is no problem', (t) => {
  const pod = podOf({ restartCount: 0, state: ERROR }, { since: 600 });
  t.is(podFailure({ ...pod, status: { ...pod.status, phase: 'Failed' } }, NOW), undefined);
});

for (const [component, field] of [
  ['ws-proxy', 'spec.proxy.podTemplate'],
  ['processor', 'spec.processor.podTemplate'],
  ['redis', 'spec.redis.embedded.podTemplate'],
] as const)
  test(`out of memory: the limit of the ${component} is named`, (t) => {
    const killed = { terminated: { reason: 'OOMKilled', exitCode: 137 } };
    const pod = podOf({ restartCount: 1, ready: false, state: running(1), lastState: killed }, { component });
    const message = podFailure(pod, NOW) ?? '';
    t.true(message.includes('restarted once, last after OOMKilled (exit code 137)'), message);
    t.true(message.endsWith(`raise ${field}.resources.limits.memory`), message);
  });
