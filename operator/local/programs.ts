/**
 * What runs instead of an image: our programs from the sources of this repository, Redis from the installed redis-server.
 * There is no container runtime, so every other image is refused.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ENV, PROGRAM } from '../../services/contract.ts';
import type { Container } from './kinds.ts';
import type { Programs } from './kubelet/pod.ts';
import type { Program } from './kubelet/process.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SERVICES = join(ROOT, 'services');
/** Only on one machine: proxy and processor in one process. */
export const MONOLITH = 'monolith.js';
const SOURCES: Readonly<Record<string, string>> = {
  [MONOLITH]: join(SERVICES, 'monolith.ts'),
  [PROGRAM.wsProxy]: join(SERVICES, 'ws-proxy', 'main.ts'),
  [PROGRAM.processor]: join(SERVICES, 'processor', 'main.ts'),
  [PROGRAM.api]: join(SERVICES, 'api', 'main.ts'),
  [PROGRAM.billSink]: join(SERVICES, 'bill-sink', 'main.ts'),
  [PROGRAM.stations]: join(SERVICES, 'stations', 'main.ts'),
};

/** The file of a program of this repository. */
export function sourceOf(program: string): string {
  const source = SOURCES[program];
  if (source === undefined) throw new Error(`there is no program ${program}`);
  return source;
}

export interface ImagesHere {
  isOurs(image: string): boolean;
  isRedis(image: string): boolean;
  /** The search path for redis-server, redis-cli and sh. */
  readonly path: string;
}

export function localPrograms(images: ImagesHere): Programs {
  return {
    env: {
      PATH: images.path,
      // From the second start on a program is there in half the time.
      NODE_COMPILE_CACHE: join(ROOT, 'node_modules', '.cache', 'compiled'),
      // A Pod leaves its Service before it gets SIGTERM: there is nothing to wait for.
      [ENV.drainPropagation]: '0s',
      // Proxies end before processors.
      [ENV.lastStations]: '0s',
      // Each run has other uids, and one that follows a crash would wait for the leases of the last.
      [ENV.clusterId]: '',
      // Objects are read over plain HTTP here.
      [ENV.clusterCaFile]: '',
    },
    program(container) {
      if (images.isRedis(container.image)) return fromPath(container, images.path);
      return images.isOurs(container.image) ? fromSources(container, images.path) : undefined;
    },
  };
}

function fromSources(container: Container, path: string): Program | undefined {
  if (container.command !== undefined) return fromPath(container, path);
  const [name = '', ...args] = container.args ?? [];
  const source = SOURCES[name];
  return source === undefined ? undefined : { file: process.execPath, args: [source, ...args] };
}

function fromPath({ command = [], args = [] }: Container, path: string): Program | undefined {
  const [name = '', ...rest] = command;
  const file = findProgram(name, path);
  return file === undefined ? undefined : { file, args: [...rest, ...args] };
}

/** The file of a program in a search path, if any. */
export function findProgram(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}
