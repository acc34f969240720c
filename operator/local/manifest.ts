/** The manifest file: read, checked as an API server would check it, and watched for changes. */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { LineCounter, parseAllDocuments } from 'yaml';
import { KIND, type OcppCluster } from '../api/ocpp-cluster.ts';
import { validateCluster } from '../api/validate.ts';
import type { KubeObject } from '../kube/object-store.ts';
import type { Secret } from './kinds.ts';

export interface Manifest {
  readonly clusters: readonly OcppCluster[];
  readonly secrets: readonly Secret[];
}

/** The message is for the user: every mistake with its place, one a line. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/** @throws ManifestError */
export function readManifest(file: string): Manifest {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ManifestError(code === 'ENOENT' ? `${file}: there is no such file` : `${file}: ${message}`);
  }
  return parseManifest(text, file);
}

/** @throws ManifestError */
export function parseManifest(text: string, file: string): Manifest {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines });
  const clusters: OcppCluster[] = [];
  const secrets: Secret[] = [];
  const problems: string[] = [];
  for (const document of documents) {
    const at = (offset: number) => `${file}:${lines.linePos(offset).line}`;
    if (document.errors.length > 0) {
      problems.push(
        ...document.errors.map((error) => `${at(error.pos[0])}: ${error.message.split('\n')[0]}`),
      );
      continue;
    }
    const object: unknown = document.toJS();
    if (object === null || object === undefined) continue;
    const place = at(document.contents?.range?.[0] ?? 0);
    const { kind } = object as Partial<KubeObject>;
    if (kind === 'Secret') secrets.push(inNamespace(object as Secret));
    else if (kind === KIND) {
      problems.push(...validateCluster(object).map(({ field, reason }) => `${place}: ${field}: ${reason}`));
      clusters.push(inNamespace(object as OcppCluster));
    } else if (kind !== 'Namespace') {
      problems.push(`${place}: kind ${String(kind)}: npm start takes OcppCluster, Secret and Namespace`);
    }
  }
  if (clusters.length === 0 && problems.length === 0) problems.push(`${file}: there is no OcppCluster in it`);
  if (problems.length > 0) throw new ManifestError(problems.join('\n'));
  return { clusters, secrets };
}

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
