/**
 * What `npm start` makes where a manifest names Secrets that it does not have: an authority, certificates, passwords and stations to
 * try each listener with. For trials only: the keys are in a folder of this machine.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { defaultedSpec } from '../../api/defaults.ts';
import type { OcppCluster } from '../../api/ocpp-cluster.ts';
import type { Manifest } from '../cli/manifest.ts';
import { nameOf, type Pod, type Secret } from '../kinds.ts';
import { type DemoStation, demoStationsOf, type Need, needsOf, usesRegister } from './needs.ts';
import { registerVariables, runStations } from './stations-program.ts';
import { TrialFolder } from './trial-folder.ts';

/** How a demo station connects. */
export interface TrialStation extends DemoStation {
  /** Of profiles 1 and 2. */
  readonly passwordFile?: string;
  /** The authority to trust, with TLS. */
  readonly caFile?: string;
  /** Of profile 3. */
  readonly certificateFile?: string;
  readonly keyFile?: string;
}

const API_ADMIN_FILE = 'api-admin.token';

interface OfCluster {
  readonly folder: TrialFolder;
  readonly made: readonly Need[];
  readonly stations: readonly TrialStation[];
}

export class Trial {
  readonly #folder: string;
  readonly #clusters = new Map<string, OfCluster>();
  /** By namespace and name: a certificate does not change with each save of the manifest. */
  readonly #secrets = new Map<string, Secret>();

  /** @param folder it is made when something is put there */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The Secrets that the manifest lacks. */
  async secretsFor({ clusters, secrets }: Manifest): Promise<readonly Secret[]> {
    const made: Secret[] = [];
    for (const cluster of clusters) {
      const given = (name: string) =>
        secrets.some(
          ({ metadata }) =>
            metadata.name === name && metadata.namespace === (cluster.metadata.namespace ?? 'default'),
        );
      const needs = needsOf(cluster, given);
      const folder = new TrialFolder(join(this.#folder, nameOf(cluster)));
      for (const need of needs) made.push(await this.#secret(cluster, need, folder));
      const stations = await trialStations(cluster, needs, folder);
      this.#clusters.set(nameOf(cluster), { folder, made: needs, stations });
    }
    return made;
  }

  /** Names of the Secrets that the manifest names and that were made for a cluster. */
  madeFor(cluster: OcppCluster): readonly string[] {
    const made = this.#clusters.get(nameOf(cluster))?.made ?? [];
    return made.filter(({ holds }) => holds !== 'api-admin').map(({ secretName }) => secretName);
  }

  /** File with the admin token of the HTTP API; undefined: the manifest has a Secret with another one, or there is no API. */
  apiTokenFileOf(cluster: OcppCluster): string | undefined {
    const of = this.#clusters.get(nameOf(cluster));
    return of?.made.some(({ holds }) => holds === 'api-admin') === true
      ? of.folder.path(API_ADMIN_FILE)
      : undefined;
  }

  folderOf(cluster: OcppCluster): string {
    return join(this.#folder, nameOf(cluster));
  }

  stationsOf(cluster: OcppCluster): readonly TrialStation[] {
    return this.#clusters.get(nameOf(cluster))?.stations ?? [];
  }

  /** The variables of the stations program for the register of this cluster; undefined: it has none yet, or its key is not ours. */
  registerOf(cluster: OcppCluster, pods: readonly Pod[], runFolder: string) {
    const of = this.#clusters.get(nameOf(cluster));
    const isOurs = of?.made.some(({ holds }) => holds === 'password-key') === true;
    if (of === undefined || !isOurs || !usesRegister(cluster)) return undefined;
    return registerVariables(cluster, pods, runFolder, of.folder.path('password-key'));
  }

  /** Puts the demo stations into the register. @throws Error with what the stations program says */
  async enrol(cluster: OcppCluster, variables: Readonly<Record<string, string>>): Promise<void> {
    const of = this.#clusters.get(nameOf(cluster));
    for (const { identity, profile, passwordFile } of of?.stations ?? []) {
      const password = passwordFile === undefined ? [] : ['--password-stdin'];
      const input = passwordFile === undefined ? '' : `${of?.folder.password(identity)}\n`;
      await runStations(['set', identity, '--profile', String(profile), ...password], variables, input);
    }
  }

  async #secret(cluster: OcppCluster, need: Need, folder: TrialFolder): Promise<Secret> {
    const { namespace = 'default' } = cluster.metadata;
    const key = `${namespace}/${need.secretName}`;
    const known = this.#secrets.get(key);
    if (known !== undefined) return known;
    const secret: Secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: need.secretName, namespace },
      stringData: await contentOf(cluster, need, folder),
    };
    this.#secrets.set(key, secret);
    return secret;
  }
}

async function contentOf(
  cluster: OcppCluster,
  { holds, keyKind = 'ecdsa', names = [], keys = [] }: Need,
  folder: TrialFolder,
): Promise<Readonly<Record<string, string>>> {
  if (holds === 'password-key') return { key: folder.passwordKey() };
  if (holds === 'api-admin') return { token: folder.apiToken(API_ADMIN_FILE) };
  if (holds === 'api-tokens') return { trial: tokenEntry(folder.apiToken('api-trial.token')) };
  if (holds === 'webhook-secret') {
    const secret = folder.signingSecret('webhook.secret');
    return Object.fromEntries(keys.map((key) => [key, secret]));
  }
  if (holds === 'stations') return { 'stations.json': await entries(cluster, folder) };
  const authority = await folder.authority();
  if (holds === 'client-ca') return { 'ca.crt': authority.certificate };
  const { certificate, key } =
    holds === 'authority' ? authority : await authority.issueServerCertificate(names, { kind: keyKind });
  const pair = { 'tls.crt': certificate, 'tls.key': key };
  return holds === 'redis' ? { ...pair, 'ca.crt': authority.certificate } : pair;
}

/** As the HTTP API reads it. */
const tokenEntry = (token: string): string =>
  JSON.stringify({ sha256: createHash('sha256').update(token).digest('hex'), scope: 'read' });

/** Of the demo stations, as the file of a Secret. */
async function entries(cluster: OcppCluster, folder: TrialFolder): Promise<string> {
  folder.passwordKey();
  const stations = demoStationsOf(cluster);
  const lines = stations
    .filter(({ profile }) => profile < 3)
    .map(({ identity }) => `${identity} ${folder.password(identity)}\n`);
  const variables = { OCPP_PASSWORD_KEY_FILE: folder.path('password-key') };
  const hashed =
    lines.length === 0 ? {} : (JSON.parse(await runStations(['hash'], variables, lines.join(''))) as object);
  const certified = stations.filter(({ profile }) => profile === 3).map(({ identity }) => [identity, {}]);
  return JSON.stringify({ ...(Object.fromEntries(certified) as object), ...hashed });
}

/** Those whose password or certificate this trial can make. */
async function trialStations(
  cluster: OcppCluster,
  needs: readonly Need[],
  folder: TrialFolder,
): Promise<TrialStation[]> {
  const { listeners, authentication } = defaultedSpec(cluster);
  const made = (secretName: string | undefined) => needs.some((need) => need.secretName === secretName);
  const makesPasswords = needs.some(({ holds }) => holds === 'password-key');
  const stations = demoStationsOf(cluster).map(async (station): Promise<TrialStation[]> => {
    const { identity, listener, profile } = station;
    const tls = listeners.find(({ name }) => name === listener)?.tls;
    const trusts = tls !== undefined && needs.some(({ holds }) => holds === 'server');
    const ca = trusts ? { caFile: folder.path('ca.crt') } : {};
    if (profile < 3) {
      if (!makesPasswords) return [];
      folder.password(identity);
      return [{ ...station, ...ca, passwordFile: folder.path(`${identity}.password`) }];
    }
    if (!made(tls?.clientCaSecretName)) return [];
    await folder.clientCertificate(identity, authentication?.certificateOrganization);
    const files = {
      certificateFile: folder.path(`${identity}.crt`),
      keyFile: folder.path(`${identity}.key`),
    };
    return [{ ...station, ...ca, ...files }];
  });
  return (await Promise.all(stations)).flat();
}
