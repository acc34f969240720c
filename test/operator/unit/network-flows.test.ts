/** The tests' evaluator of NetworkPolicies reads them as Kubernetes does. */
import test from 'ava';
import { type End, isAllowed, type Policy } from '../../contracts/network-flows.ts';

const policy = (spec: Policy['spec']): Policy => ({ metadata: { name: 'p', namespace: 'default' }, spec });
const ALL = { podSelector: {} };
const db: End = { ip: '10.0.0.1', namespace: 'default', labels: { role: 'db' }, portNames: { db: 6379 } };
const front: End = { ip: '10.0.0.2', namespace: 'default', labels: { role: 'frontend' } };
const away: End = { ...front, ip: '10.0.0.3', namespace: 'away', namespaceLabels: { project: 'myproject' } };
const host = (ip: string): End => ({ ip });
const toDb = (from: End, port = 6379) => ({ from, to: db, port });

/** The examples of kubernetes.io/docs/concepts/services-networking/network-policies, with their documented effects. */
const SEMANTICS: readonly (readonly [string, readonly Policy[], Parameters<typeof isAllowed>[1], boolean])[] =
  [
    ['no policy: all is allowed', [], toDb(host('1.2.3.4')), true],
    ['default deny all ingress', [policy({ ...ALL, policyTypes: ['Ingress'] })], toDb(front), false],
    [
      '… and egress stays open',
      [policy({ ...ALL, policyTypes: ['Ingress'] })],
      { from: db, to: host('1.1.1.1'), port: 1 },
      true,
    ],
    ['allow all ingress', [policy({ ...ALL, ingress: [{}] })], toDb(host('1.2.3.4')), true],
    [
      'default deny all egress',
      [policy({ ...ALL, policyTypes: ['Egress'] })],
      { from: db, to: front, port: 1 },
      false,
    ],
    [
      'allow all egress',
      [policy({ ...ALL, policyTypes: ['Egress'], egress: [{}] })],
      { from: db, to: front, port: 1 },
      true,
    ],
    ['without policyTypes ingress is meant', [policy(ALL)], toDb(front), false],
    [
      '… and egress where there are rules',
      [policy({ ...ALL, egress: [] })],
      { from: db, to: host('1.1.1.1'), port: 1 },
      false,
    ],
    [
      'a policy of another namespace',
      [{ ...policy(ALL), metadata: { name: 'p', namespace: 'away' } }],
      toDb(front),
      true,
    ],
    ['a policy for other Pods', [policy({ podSelector: { matchLabels: { role: 'x' } } })], toDb(front), true],
    [
      'both ends must allow it',
      [
        policy({ podSelector: { matchLabels: { role: 'frontend' } }, policyTypes: ['Egress'] }),
        policy({ podSelector: { matchLabels: { role: 'db' } }, ingress: [{}] }),
      ],
      toDb(front),
      false,
    ],
    [
      'policies are additive',
      [policy({ ...ALL, policyTypes: ['Ingress'] }), policy({ ...ALL, ingress: [{}] })],
      toDb(front),
      true,
    ],
    [
      'a podSelector: this namespace',
      [policy({ ...ALL, ingress: [{ from: [{ podSelector: { matchLabels: { role: 'frontend' } } }] }] })],
      toDb(front),
      true,
    ],
    [
      '… and no other',
      [policy({ ...ALL, ingress: [{ from: [{ podSelector: { matchLabels: { role: 'frontend' } } }] }] })],
      toDb(away),
      false,
    ],
    [
      'a namespaceSelector: all its Pods',
      [
        policy({
          ...ALL,
          ingress: [{ from: [{ namespaceSelector: { matchLabels: { project: 'myproject' } } }] }],
        }),
      ],
      toDb(away),
      true,
    ],
    [
      'both in one peer: and',
      [
        policy({
          ...ALL,
          ingress: [{ from: [{ namespaceSelector: {}, podSelector: { matchLabels: { role: 'x' } } }] }],
        }),
      ],
      toDb(away),
      false,
    ],
    [
      'in two peers: or',
      [
        policy({
          ...ALL,
          ingress: [{ from: [{ namespaceSelector: {} }, { podSelector: { matchLabels: { role: 'x' } } }] }],
        }),
      ],
      toDb(away),
      true,
    ],
    [
      'an empty namespaceSelector is every Pod, and nothing else',
      [policy({ ...ALL, ingress: [{ from: [{ namespaceSelector: {} }] }] })],
      toDb(host('1.2.3.4')),
      false,
    ],
    [
      'a namespace by its name',
      [
        policy({
          ...ALL,
          ingress: [
            {
              from: [
                {
                  namespaceSelector: {
                    matchExpressions: [
                      { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['away'] },
                    ],
                  },
                },
              ],
            },
          ],
        }),
      ],
      toDb(away),
      true,
    ],
    [
      'an ipBlock',
      [
        policy({
          ...ALL,
          ingress: [{ from: [{ ipBlock: { cidr: '172.17.0.0/16', except: ['172.17.1.0/24'] } }] }],
        }),
      ],
      toDb(host('172.17.2.1')),
      true,
    ],
    [
      '… except',
      [
        policy({
          ...ALL,
          ingress: [{ from: [{ ipBlock: { cidr: '172.17.0.0/16', except: ['172.17.1.0/24'] } }] }],
        }),
      ],
      toDb(host('172.17.1.1')),
      false,
    ],
    [
      'no peers: every source',
      [policy({ ...ALL, ingress: [{ from: [], ports: [{ port: 6379 }] }] })],
      toDb(host('1.2.3.4')),
      true,
    ],
    [
      'ports and peers: and',
      [
        policy({
          ...ALL,
          ingress: [{ from: [{ podSelector: {} }], ports: [{ protocol: 'TCP', port: 80 }] }],
        }),
      ],
      toDb(front),
      false,
    ],
    [
      'another protocol',
      [policy({ ...ALL, ingress: [{ ports: [{ protocol: 'UDP', port: 6379 }] }] })],
      toDb(front),
      false,
    ],
    ['a port by name', [policy({ ...ALL, ingress: [{ ports: [{ port: 'db' }] }] })], toDb(front), true],
    [
      'a range of ports',
      [policy({ ...ALL, ingress: [{ ports: [{ port: 6000, endPort: 7000 }] }] })],
      toDb(front),
      true,
    ],
    [
      '… and beyond it',
      [policy({ ...ALL, ingress: [{ ports: [{ port: 6000, endPort: 6378 }] }] })],
      toDb(front),
      false,
    ],
  ];

test('policies have the effects that the Kubernetes documentation describes', (t) => {
  for (const [title, policies, flow, allowed] of SEMANTICS) t.is(isAllowed(policies, flow), allowed, title);
});
