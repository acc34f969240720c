/**
 * Resource definitions of other projects (prometheus-operator, Gateway API, cert-manager, KEDA), for tests that apply what we render to an API
 * server that serves them. They are not in this repository: OCPP_TEST_CRDS names a folder with them, one file
 * `<group>_<plural>.yaml` each; without it, the folder `crds` beside the command of OCPP_TEST_CLUSTER.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import type { ApiServer } from './api-server.ts';

const BESIDE_US = join(import.meta.dirname, '../../../shared/kube/cluster');

export type ForeignKind =
  | 'monitoring.coreos.com_podmonitors'
  | 'monitoring.coreos.com_prometheusrules'
  | 'gateway.networking.k8s.io_httproutes'
  | 'cert-manager.io_certificates'
  | 'keda.sh_scaledobjects'
  | 'keda.sh_triggerauthentications';

function folder(): string {
  const given = process.env['OCPP_TEST_CRDS'];
  return given ?? join(dirname(process.env['OCPP_TEST_CLUSTER'] ?? BESIDE_US), 'crds');
}

/** Makes the server serve these kinds. False (and a loud word) where they are not at hand; an error if CI is set. */
export async function installForeignCrds(server: ApiServer, kinds: readonly ForeignKind[]): Promise<boolean> {
  const files = kinds.map((kind) => join(folder(), `${kind}.yaml`));
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) {
    const message = `there is no ${missing}; OCPP_TEST_CRDS has to name a folder with it`;
    if (process.env['CI']) throw new Error(message);
    console.warn(`SKIPPED: ${message}`);
    return false;
  }
  await Promise.all(files.map((file) => server.installCrd(withoutStatus(readFileSync(file, 'utf8')))));
  return true;
}

/** Generated definitions come with a status, which cannot be applied. */
function withoutStatus(yaml: string): string {
  const { status: _, ...crd } = parse(yaml) as { status?: unknown };
  return JSON.stringify(crd);
}
