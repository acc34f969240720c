/** What an API server refuses in the metadata that a manifest may give to any object. */
import type { Problem } from './rules.ts';

const FIELDS = new Set([
  'annotations',
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generateName',
  'generation',
  'labels',
  'managedFields',
  'name',
  'namespace',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
]);
const LONGEST = 63;
const LONGEST_PREFIX = 253;
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Empty: good. Nulls count as not given. */
export function metadataProblems(metadata: unknown): Problem[] {
  if (!isRecord(metadata)) {
    return metadata === undefined || metadata === null
      ? [{ field: 'metadata.name', reason: 'must be given' }]
      : [{ field: 'metadata', reason: 'must be object' }];
  }
  const { name, namespace, labels, annotations } = metadata;
  return [
    ...nameProblems(name),
    ...namespaceProblems(namespace),
    ...mapProblems('metadata.labels', labels, labelProblem),
    ...mapProblems('metadata.annotations', annotations, () => undefined),
    ...Object.keys(metadata)
      .filter((field) => !FIELDS.has(field))
      .map((field) => ({ field: `metadata.${field}`, reason: 'there is no such field' })),
  ];
}

function nameProblems(name: unknown): Problem[] {
  const field = 'metadata.name';
  if (name === undefined || name === null || name === '') return [{ field, reason: 'must be given' }];
  return typeof name === 'string' ? [] : [{ field, reason: 'must be string' }];
}

function namespaceProblems(namespace: unknown): Problem[] {
  const field = 'metadata.namespace';
  if (namespace === undefined || namespace === null || namespace === '') return [];
  if (typeof namespace !== 'string') return [{ field, reason: 'must be string' }];
  if (namespace.length <= LONGEST && DNS_LABEL.test(namespace)) return [];
  return [
    {
      field,
      reason: `must be at most ${LONGEST} lower-case letters, digits and dashes, and start and end with a letter or digit`,
    },
  ];
}

/** Of labels or annotations. */
function mapProblems(
  field: string,
  map: unknown,
  reasonOf: (value: string) => string | undefined,
): Problem[] {
  const entries = isRecord(map) ? Object.entries(map) : [];
  return [
    ...stringProblems(field, map),
    ...entries.flatMap(([key, value]) => {
      const reason = keyProblem(key) ?? (typeof value === 'string' ? reasonOf(value) : undefined);
      return reason === undefined ? [] : [{ field: `${field}[${key}]`, reason }];
    }),
  ];
}

/** Of a map from strings to strings. */
export function stringProblems(field: string, map: unknown): Problem[] {
  if (map === undefined || map === null) return [];
  if (!isRecord(map)) return [{ field, reason: 'must be object' }];
  return Object.entries(map)
    .filter(([, value]) => typeof value !== 'string' && value !== null)
    .map(([key]) => ({ field: `${field}[${key}]`, reason: 'must be string' }));
}

function keyProblem(key: string): string | undefined {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  if (prefix !== undefined && (prefix.length > LONGEST_PREFIX || !DNS_SUBDOMAIN.test(prefix))) {
    return 'the prefix of its key must be a DNS name in lower case';
  }
  return isName(key.slice(slash + 1)) ? undefined : `its key ${OF_NAME}`;
}

const labelProblem = (value: string) => (value === '' || isName(value) ? undefined : OF_NAME);

const isName = (text: string) => text.length <= LONGEST && NAME.test(text);
const OF_NAME = `must be at most ${LONGEST} letters, digits and -_. and start and end with a letter or digit`;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
