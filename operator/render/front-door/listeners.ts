/**
 * The listeners of a cluster that knows who its stations are: as the JSON that the ws-proxy reads, and the Secrets with their
 * certificates as folders of files, which the kubelet updates in running Pods. A cluster that uses none of this gets what it got
 * before (docs/decisions/0019-front-door.md).
 */
import type { V1EnvVar } from '@kubernetes/client-node';
import type { DefaultedListener, DefaultedSpec, OcppCluster } from '../../api/ocpp-cluster.ts';
import { ENV } from '../../../services/contract.ts';
import type { RenderInput } from '../render-input.ts';
import { hasOwnTls, type StationPort, stationPorts } from '../station-ports.ts';
import type { SecretMount } from './secret-mount.ts';

const FOLDER = '/etc/ocpp/listeners';

/** Whether anything of spec asks who a station is. An image of an earlier release refuses to start with it. */
export const usesFrontDoor = ({
  listeners,
  authentication,
}: Pick<DefaultedSpec, 'listeners' | 'authentication'>) =>
  authentication !== undefined ||
  listeners.some(
    ({ securityProfile, protocols, proxyProtocol, limits }) =>
      securityProfile > 0 || protocols !== undefined || proxyProtocol || limits !== undefined,
  );

/** Whether an Ingress or a Gateway can reach it: these speak neither our TLS nor the PROXY protocol. */
export const isRoutable = (listener: DefaultedListener): boolean =>
  !hasOwnTls(listener) && !listener.proxyProtocol;

/** Of the Certificate and of its Secret. */
export const certificateName = ({ metadata }: OcppCluster, listener: string): string =>
  `${metadata.name}-${listener}-tls`;

/** All listeners as JSON, for the variable of the ws-proxy; in the order of their ports, so that the order of the list replaces no Pod. */
export function listenersEnv(spec: DefaultedSpec): V1EnvVar {
  const value = stationPorts(spec)
    .sort((a, b) => a.containerPort - b.containerPort)
    .map((port) => listenerJson(port, listenerOf(spec, port)));
  return { name: ENV.listeners, value: JSON.stringify(value) };
}

/** Whether a ws-proxy with these variables has a listener of security profile 0. */
export function servesPlain(variables: readonly Pick<V1EnvVar, 'name' | 'value'>[]): boolean {
  const text = variables.find(({ name }) => name === ENV.listeners)?.value ?? '';
  try {
    const listeners = JSON.parse(text) as readonly { readonly securityProfile?: number }[];
    return listeners.some(({ securityProfile = 0 }) => securityProfile === 0);
  } catch {
    // A list of ports and paths, which have no profiles, or none.
    return true;
  }
}

/** The limits of single listeners as JSON, in the order of their names. */
export function listenerLimits({ listeners }: Pick<DefaultedSpec, 'listeners'>): string {
  const sorted = listeners.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return JSON.stringify(
    Object.fromEntries(sorted.flatMap(({ name, limits }) => (limits === undefined ? [] : [[name, limits]]))),
  );
}

function listenerOf({ listeners }: DefaultedSpec, { listener }: StationPort): DefaultedListener {
  const found = listeners.find(({ name }) => name === listener);
  if (found === undefined) throw new Error(`there is no listener ${listener}`);
  return found;
}

/** The format that readListeners() of the ws-proxy parses. Values that it takes for omitted ones are omitted. */
function listenerJson({ containerPort, path }: StationPort, listener: DefaultedListener): object {
  const { name, securityProfile, protocols, proxyProtocol } = listener;
  return {
    name,
    port: containerPort,
    path,
    securityProfile,
    ...(protocols !== undefined && { protocols }),
    ...tlsJson(listener),
    ...(proxyProtocol && { proxyProtocol }),
  };
}

function tlsJson({ name, tls }: DefaultedListener): object {
  if (tls === undefined) return {};
  if (tls.termination === 'LoadBalancer') {
    const { clientCertificateHeader: header } = tls;
    return { tls: { terminated: true, ...(header !== undefined && { clientCertificateHeader: header }) } };
  }
  const { additionalSecretName, clientCaSecretName, minVersion, cipherSuites } = tls;
  const folder = (file: string) => `${FOLDER}/${name}/${file}`;
  return {
    tls: {
      certificateFolders: [folder('tls'), ...(additionalSecretName === undefined ? [] : [folder('tls-2')])],
      ...(clientCaSecretName !== undefined && { clientCaFolder: folder('client-ca') }),
      minVersion,
      ...(cipherSuites !== undefined && { cipherSuites }),
    },
  };
}

/** The Secrets of all listeners, sorted by the names of these. */
export function listenerSecrets({ cluster, spec }: Pick<RenderInput, 'cluster' | 'spec'>): SecretMount[] {
  return spec.listeners
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, tls }) => {
      if (tls === undefined || tls.termination === 'LoadBalancer') return [];
      const files = [
        ['tls', tls.secretName ?? certificateName(cluster, name)],
        ['tls-2', tls.additionalSecretName],
        ['client-ca', tls.clientCaSecretName],
      ] as const;
      return files.flatMap(([file, secretName]): SecretMount[] =>
        secretName === undefined
          ? []
          : [{ volume: `${file}-${name}`, secretName, mountPath: `${FOLDER}/${name}/${file}` }],
      );
    });
}
