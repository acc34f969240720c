/**
 * The part of an API server that Pods of a cluster need: it answers GET of an OcppCluster from the store, on loopback. As every
 * program of this machine reaches the address, it asks for a token.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OCPP_CLUSTERS } from '../../api/ocpp-cluster.ts';
import type { ObjectStore } from '../../kube/object-store.ts';
import { apiVersionOf } from '../../render/resources.ts';
import type { ApiServerHere } from '../kubelet/environment.ts';
import { LOOPBACK } from '../network/addresses.ts';

const TOKEN_BYTES = 32;
const OBJECT = new RegExp(
  `^/apis/${apiVersionOf(OCPP_CLUSTERS)}/namespaces/([-a-z0-9]+)/${OCPP_CLUSTERS.plural}/([-.a-z0-9]+)$`,
);

export type ObjectServer = ApiServerHere & AsyncDisposable;

export async function serveObjects(store: Pick<ObjectStore, 'get'>): Promise<ObjectServer> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const server = createServer((request, response) => {
    const { method, url = '', headers } = request;
    const [, namespace, name] = OBJECT.exec(url) ?? [];
    if (headers.authorization !== `Bearer ${token}`) return refuse(response, 401, 'Unauthorized');
    if (method !== 'GET') return refuse(response, 405, 'MethodNotAllowed');
    if (namespace === undefined || name === undefined) return refuse(response, 404, 'NotFound');
    void store.get({ resource: OCPP_CLUSTERS, namespace, name }).then((object) => {
      if (object === undefined) refuse(response, 404, 'NotFound');
      else answer(response, 200, object);
    });
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  return {
    origin: `http://${LOOPBACK}:${(server.address() as AddressInfo).port}`,
    token,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** As an API server does, with a Status object. */
const refuse = (response: ServerResponse, code: number, reason: string): void =>
  answer(response, code, { apiVersion: 'v1', kind: 'Status', status: 'Failure', reason, code });
