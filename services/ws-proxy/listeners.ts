/** The station listeners from the environment: one by port and path with further ones as a list, or all of them as JSON. */
import { ENV } from '../contract.ts';
import { SECURITY_PROFILES, type SecurityProfile } from '../access/security-profile.ts';
import { ConfigError } from '../runtime/config.ts';
import { type ListenerTls, type StationListener, TLS_VERSIONS } from '../station-server/station-listener.ts';
import { CERTIFICATE_HEADERS } from '../station-server/forwarded/forwarded.ts';
import { readProtocols } from '../station-server/admission.ts';
import type { ProxySettings } from './config.ts';

/** @throws ConfigError for a listener that cannot be read, and for a duplicate port */
export function readListeners(
  settings: Pick<ProxySettings, 'stationPort' | 'stationPath' | 'listeners'>,
): StationListener[] {
  const text = settings.listeners.trim();
  const all = text.startsWith('[')
    ? readJson(text)
    : [{ port: settings.stationPort, path: settings.stationPath }, ...readList(text)];
  const doubled = all.find(({ port }, index) => all.findIndex((one) => one.port === port) !== index);
  if (doubled !== undefined && doubled.port !== 0) throw wrong(`port ${doubled.port} is used twice`);
  return all;
}

const readList = (text: string): StationListener[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map(readListener);

function readListener(item: string): StationListener {
  const [, digits = '', path = ''] = /^(\d{1,5})(\/.*)$/.exec(item) ?? [];
  const port = Number(digits);
  if (path !== '' && port <= 65_535) return { port, path };
  throw wrong(`"${item}" is not a port with a path, such as 9001/v16`);
}

function readJson(text: string): StationListener[] {
  let items: unknown;
  try {
    items = JSON.parse(text);
  } catch {
    throw wrong('begins with [ and is not JSON');
  }
  if (!Array.isArray(items) || items.length === 0) throw wrong('names no listener');
  return items.map((item, index) => readFields(item, `listener ${index + 1}`));
}

const KNOWN = new Set(['name', 'port', 'path', 'securityProfile', 'protocols', 'tls', 'proxyProtocol']);
const KNOWN_TLS = new Set([
  'terminated',
  'clientCertificateHeader',
  'certificateFolders',
  'clientCaFolder',
  'minVersion',
  'cipherSuites',
]);

/** An unknown field is refused: it may be one that makes the listener safer. */
function readFields(item: unknown, which: string): StationListener {
  const fields = objectOf(item, which, KNOWN);
  const { name, port, path, securityProfile = 0, protocols, tls, proxyProtocol = false } = fields;
  if (!Number.isInteger(port) || (port as number) < 0 || (port as number) > 65_535)
    throw wrong(`${which}: port must be a whole number from 0 to 65535`);
  if (typeof path !== 'string' || !path.startsWith('/')) throw wrong(`${which}: path must begin with /`);
  if (name !== undefined && typeof name !== 'string') throw wrong(`${which}: name must be a text`);
  const profile = SECURITY_PROFILES.find((one) => one === securityProfile);
  if (profile === undefined) throw wrong(`${which}: securityProfile must be one of 0, 1, 2, 3`);
  if (typeof proxyProtocol !== 'boolean') throw wrong(`${which}: proxyProtocol must be true or false`);
  return {
    port: port as number,
    path,
    securityProfile: profile,
    ...(name !== undefined && { name }),
    ...(protocols !== undefined && { protocols: readProtocols(textsOf(protocols, `${which}: protocols`)) }),
    ...tlsOf(tls, profile, which),
    ...(proxyProtocol && { proxyProtocol }),
  };
}

function tlsOf(value: unknown, profile: SecurityProfile, which: string): { tls?: ListenerTls } {
  if (profile < 2) {
    if (value === undefined) return {};
    throw wrong(`${which}: tls needs securityProfile 2 or 3`);
  }
  if (value === undefined) throw wrong(`${which}: securityProfile ${profile} needs tls`);
  const fields = objectOf(value, `${which}: tls`, KNOWN_TLS);
  const { terminated = false, certificateFolders, clientCaFolder, minVersion, cipherSuites } = fields;
  if (typeof terminated !== 'boolean') throw wrong(`${which}: tls.terminated must be true or false`);
  if (terminated)
    return { tls: { terminated, ...certificateHeaderOf(fields['clientCertificateHeader'], profile, which) } };
  const folders = textsOf(certificateFolders ?? [], `${which}: tls.certificateFolders`);
  if (folders.length === 0) throw wrong(`${which}: tls.certificateFolders names no folder`);
  if (clientCaFolder !== undefined && typeof clientCaFolder !== 'string')
    throw wrong(`${which}: tls.clientCaFolder must be a folder`);
  if (profile === 3 && clientCaFolder === undefined)
    throw wrong(`${which}: securityProfile 3 needs tls.clientCaFolder`);
  const version = TLS_VERSIONS.find((one) => one === (minVersion ?? 'TLSv1.2'));
  if (version === undefined)
    throw wrong(`${which}: tls.minVersion must be one of ${TLS_VERSIONS.join(', ')}`);
  return {
    tls: {
      certificateFolders: folders,
      minVersion: version,
      ...(clientCaFolder !== undefined && { clientCaFolder }),
      ...(cipherSuites !== undefined && {
        cipherSuites: textsOf(cipherSuites, `${which}: tls.cipherSuites`),
      }),
    },
  };
}

/** Only one header counts: a load balancer passes on the others as its client sent them. */
function certificateHeaderOf(
  value: unknown,
  profile: SecurityProfile,
  which: string,
): Pick<ListenerTls, 'clientCertificateHeader'> {
  const known = CERTIFICATE_HEADERS.find((one) => one === value);
  if (known !== undefined) return { clientCertificateHeader: known };
  const must = `${which}: tls.clientCertificateHeader must be one of ${CERTIFICATE_HEADERS.join(', ')}`;
  if (value !== undefined) throw wrong(must);
  if (profile === 3) throw wrong(`${must}: the header in which the load balancer forwards certificates`);
  return {};
}

function objectOf(value: unknown, which: string, known: ReadonlySet<string>): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(`${which} is not an object`);
  const unknown = Object.keys(value).find((key) => !known.has(key));
  if (unknown !== undefined) throw wrong(`${which}: unknown field ${unknown}`);
  return value as Record<string, unknown>;
}

function textsOf(value: unknown, which: string): string[] {
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
  throw wrong(`${which} must be a list of texts`);
}

const wrong = (what: string) => new ConfigError(`${ENV.listeners}: ${what}`);
