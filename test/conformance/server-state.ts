/** What every ServerState must do, wherever it keeps open requests. */
import assert from 'node:assert/strict';
import type { ServerState } from '../../services/transport/pending-requests.ts';
import { type Part, registerSuite, type TestRunner } from './suite.ts';

export function serverStateConformance(
  test: TestRunner,
  name: string,
  createHarness: () => Promise<ServerState>,
): void {
  registerSuite({ test, name, createHarness, parts: { requests }, lacks: {} });
}

const requests: Part<ServerState> = (run) => {
  run('a request is open until it is completed', async (state) => {
    assert.equal(await state.getPendingRequest('CP-1', 'm1'), undefined);
    assert.equal(await state.hasPendingRequest('CP-1'), false);
    assert.equal(await state.hasPendingRequests(), false);
    assert.ok(await state.addPendingRequest('CP-1', 'm1', 'Reset'));
    assert.deepEqual(await state.getPendingRequest('CP-1', 'm1'), { featureName: 'Reset' });
    assert.ok(await state.hasPendingRequest('CP-1'));
    assert.ok(await state.hasPendingRequests());
    await state.completePendingRequest('CP-1', 'm1');
    await state.completePendingRequest('CP-1', 'm1');
    assert.equal(await state.getPendingRequest('CP-1', 'm1'), undefined);
    assert.equal(await state.hasPendingRequest('CP-1'), false);
    assert.equal(await state.hasPendingRequests(), false);
  });

  run('the first entry of an id is never replaced', async (state) => {
    assert.ok(await state.addPendingRequest('CP-1', 'm1', 'Reset'));
    assert.equal(await state.addPendingRequest('CP-1', 'm1', 'GetLog'), false);
    assert.deepEqual(await state.pendingRequests('CP-1'), new Map([['m1', { featureName: 'Reset' }]]));
  });

  run('clients are separate, whatever their names', async (state) => {
    const clients = ['CP-1', 'CP-10', 'CP:1', 'CP é{1}*?[x]', 'constructor'];
    for (const client of clients) await state.addPendingRequest(client, 'm', `For-${client}`);
    for (const client of clients) {
      assert.deepEqual(await state.getPendingRequest(client, 'm'), { featureName: `For-${client}` });
    }
    await state.clearClientPendingRequest('CP-1');
    assert.equal(await state.hasPendingRequest('CP-1'), false);
    for (const client of clients.slice(1)) assert.ok(await state.hasPendingRequest(client), client);
    await state.clearAll();
    for (const client of clients) assert.equal(await state.hasPendingRequest(client), false, client);
    assert.equal(await state.hasPendingRequests(), false);
  });

  run('the state of one client is a part of the server state', async (state) => {
    const client = state.clientState('CP-1');
    assert.ok(await client.addPendingRequest('m1', 'Reset'));
    await client.addPendingRequest('m2', 'GetLog');
    await state.addPendingRequest('CP-2', 'm1', 'Reset');
    assert.deepEqual(await client.getPendingRequest('m2'), { featureName: 'GetLog' });
    assert.equal((await client.pendingRequests()).size, 2);
    await client.completePendingRequest('m1');
    assert.equal(await state.getPendingRequest('CP-1', 'm1'), undefined);
    assert.ok(await client.hasPendingRequest());
    await client.clearPendingRequests();
    assert.equal(await client.hasPendingRequest(), false);
    assert.ok(await state.hasPendingRequest('CP-2'));
  });
};
