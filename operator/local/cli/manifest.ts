/** The manifest file: read, checked as an API server would check it, and watched for changes. */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import { KIND, type OcppCluster } from '../../api/ocpp-cluster.ts';
import { validateCluster } from '../../api/validate.ts';
import type { KubeObject } from '../../kube/object-store.ts';
import type { Secret } from '../kinds.ts';

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
  const found: { clusters: OcppCluster[]; secrets: Secret[] } = { clusters: [], secrets: [] };
  const problems: string[] = [];
  for (const document of parseAllDocuments(text, { lineCounter: lines })) {
    const at = (offset: number) => `${file}:${lines.linePos(offset).line}`;
    const broken = document.errors.map((error) => `${at(error.pos[0])}: ${error.message.split('\n')[0]}`);
    const object: unknown = broken.length > 0 ? undefined : document.toJS();
    problems.push(...broken);
    if (object === null || object === undefined) continue;
    const { kind } = object as Partial<KubeObject>;
    if (kind === 'Secret') found.secrets.push(inNamespace(object as Secret));
    else if (kind === KIND) {
      const wrong = validateCluster(object, running.find(isSame(object as OcppCluster)));
      problems.push(
        ...wrong.map(({ field, reason }) => {
          const [named = ''] = reason.split(' ');
          const [place, text] = field === '' ? [named, reason] : [field, `${field}: ${reason}`];
          return `${at(offsetOf(document, place))}: ${text}`;
        }),
      );
      if (wrong.length === 0) found.clusters.push(inNamespace(object as OcppCluster));
    } else if (kind !== 'Namespace') {
      const place = at(offsetOf(document, 'kind'));
      problems.push(`${place}: kind ${String(kind)}: npm start takes OcppCluster, Secret and Namespace`);
    }
  }
  if (found.clusters.length === 0 && problems.length === 0)
    problems.push(`${file}: there is no OcppCluster in it`);
  if (problems.length > 0) throw new ManifestError(problems.join('\n'));
  return found;
}

/** The offset of `spec.a.b[0]` in the file, or of the nearest field around it. */
function offsetOf(document: Document.Parsed, field: string): number {
  const path = field.split(/[.[\]]+/).filter((part) => part !== '');
  for (let { length } = path; length > 0; length -= 1) {
    const parent: unknown = document.getIn(path.slice(0, length - 1), true) ?? document.contents;
    const name = path[length - 1] ?? '';
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && key.value === name);
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
  other.metadata.name === one.metadata?.name &&
  other.metadata.namespace === inNamespace(one).metadata.namespace;

function inNamespace<T extends KubeObject>(object: T): T {
  return { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? 'default' } };
}

const LOOK_EVERY_MS = 500;

/** Calls `onChange` when the file was written, however an editor does that. Returns how to stop it. */
export function watchManifest(file: string, onChange: () => void): () => void {
  const listener = () => onChange();
  watchFile(file, { interval: LOOK_EVERY_MS }, listener);
  return () => unwatchFile(file, listener);
}
