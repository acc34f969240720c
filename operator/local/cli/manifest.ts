/** The manifest file: read, checked as an API server would check it, and watched for changes. */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import { metadataProblems, stringProblems } from '../../api/metadata.ts';
import { KIND, type OcppCluster } from '../../api/ocpp-cluster.ts';
import type { Problem } from '../../api/rules.ts';
import { validateCluster, withoutNulls } from '../../api/validate.ts';
import type { KubeObject } from '../../kube/object-store.ts';
import type { Secret } from '../kinds.ts';
import { contentOf, reasonOf } from './document.ts';

export interface Manifest {
  readonly clusters: readonly OcppCluster[];
  readonly secrets: readonly Secret[];
}

/** The message is for the user: every mistake with its place, one a line. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/**
 * @param running the clusters that a changed manifest changes
 * @throws ManifestError
 */
export function readManifest(file: string, running: readonly OcppCluster[] = []): Manifest {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ManifestError(code === 'ENOENT' ? `${file}: there is no such file` : `${file}: ${message}`);
  }
  return parseManifest(text, file, running);
}

/** @throws ManifestError */
export function parseManifest(text: string, file: string, running: readonly OcppCluster[] = []): Manifest {
  const lines = new LineCounter();
  const found: Found = { clusters: [], secrets: [] };
  const problems = documentsOf(text, file, lines).flatMap((document) => {
    const { object, mistakes } = contentOf(document);
    const wrong = object === undefined ? [] : take(object, found, running);
    return [
      ...mistakes,
      ...wrong.map(({ field, reason }) => {
        const [named = ''] = reason.split(' ');
        const [place, full] = field === '' ? [named, reason] : [field, `${field}: ${reason}`];
        return { offset: offsetOf(document, place), reason: full };
      }),
    ].map(({ offset, reason }) => `${file}:${lines.linePos(offset).line}: ${reason}`);
  });
  if (found.clusters.length === 0 && problems.length === 0)
    problems.push(`${file}: there is no OcppCluster in it`);
  if (problems.length > 0) throw new ManifestError(problems.join('\n'));
  return found;
}

interface Found {
  readonly clusters: OcppCluster[];
  readonly secrets: Secret[];
}

/** @throws ManifestError */
function documentsOf(text: string, file: string, lineCounter: LineCounter): readonly Document.Parsed[] {
  try {
    const documents = parseAllDocuments(text, { lineCounter });
    return Array.isArray(documents) ? documents : [];
  } catch (error) {
    throw new ManifestError(`${file}:1: ${reasonOf(error)}`);
  }
}

/** Puts the object of a document where it belongs, or returns what is wrong with it. */
function take(object: unknown, found: Found, running: readonly OcppCluster[]): readonly Problem[] {
  const { kind } = (object ?? {}) as Partial<KubeObject>;
  if (kind === 'Namespace') return [];
  if (kind === 'Secret') {
    const wrong = secretProblems(object as Secret);
    if (wrong.length === 0) found.secrets.push(inNamespace(object as Secret));
    return wrong;
  }
  if (kind !== KIND) {
    return [{ field: '', reason: `kind ${String(kind)}: npm start takes OcppCluster, Secret and Namespace` }];
  }
  const wrong = validateCluster(object, running.find(isSame(object as OcppCluster)));
  if (wrong.length === 0) found.clusters.push(inNamespace(object as OcppCluster));
  return wrong;
}

function secretProblems({ apiVersion, metadata, ...secret }: Secret): readonly Problem[] {
  return [
    ...(apiVersion === 'v1' ? [] : [{ field: 'apiVersion', reason: 'must be v1' }]),
    ...metadataProblems(metadata),
    ...(['data', 'stringData'] as const).flatMap((field) => stringProblems(field, secret[field])),
  ];
}

/** The offset of `spec.a.b[0]` in the file, or of the nearest field around it. */
function offsetOf(document: Document.Parsed, field: string): number {
  const path = [...field.matchAll(/\[([^\]]*)\]|([^.[]+)/g)].map(
    ([, inBrackets, name]) => inBrackets ?? name,
  );
  for (let { length } = path; length > 0; length -= 1) {
    const parent: unknown =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const name = path[length - 1] ?? '';
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === name);
      if (isScalar(pair?.key) && pair.key.range) return pair.key.range[0];
    } else if (isSeq(parent)) {
      const item = parent.items[Number(name)];
      if (isNode(item) && item.range) return item.range[0];
    }
  }
  return document.contents?.range?.[0] ?? 0;
}

/** Of the same name and namespace. */
const isSame = (one: OcppCluster) => (other: OcppCluster) =>
  other.metadata.name === one.metadata?.name && other.metadata.namespace === namespaceOf(one);

const namespaceOf = ({ metadata }: Partial<KubeObject>) => metadata?.namespace || 'default';

/** As an API server stores it. */
function inNamespace<T extends KubeObject>(object: T): T {
  return withoutNulls({ ...object, metadata: { ...object.metadata, namespace: namespaceOf(object) } });
}

const LOOK_EVERY_MS = 500;

/** Calls `onChange` when the file was written, however an editor does that. Returns how to stop it. */
export function watchManifest(file: string, onChange: () => void): () => void {
  const listener = () => onChange();
  watchFile(file, { interval: LOOK_EVERY_MS }, listener);
  return () => unwatchFile(file, listener);
}
