/** What every ServerState must do, wherever it keeps what is open. */
import type { ExecutionContext, Implementation } from 'ava';
import type { ServerState } from '../../services/transport/pending-requests.ts';

export function serverStateConformance(
  test: (title: string, body: Implementation<[]>) => void,
  name: string,
  create: () => Promise<ServerState>,
): void {
  const run = (title: string, body: (t: ExecutionContext, state: ServerState) => Promise<void>) =>
    test(`${name}: ${title}`, async (t) => {
      await using state = await create();
      await body(t, state);
    });

  run('a request is open from its note to its completion', async (t, state) => {
    t.is(await state.getPendingRequest('CP-1', 'm1'), undefined);
    t.false(await state.hasPendingRequest('CP-1'));
    t.false(await state.hasPendingRequests());
    t.true(await state.addPendingRequest('CP-1', 'm1', 'Reset'));
    t.deepEqual(await state.getPendingRequest('CP-1', 'm1'), { featureName: 'Reset' });
    t.true(await state.hasPendingRequest('CP-1'));
    t.true(await state.hasPendingRequests());
    await state.completePendingRequest('CP-1', 'm1');
    await state.completePendingRequest('CP-1', 'm1');
    t.is(await state.getPendingRequest('CP-1', 'm1'), undefined);
    t.false(await state.hasPendingRequest('CP-1'));
    t.false(await state.hasPendingRequests());
  });

  run('what is noted under an id stays as it is', async (t, state) => {
    t.true(await state.addPendingRequest('CP-1', 'm1', 'Reset'));
    t.false(await state.addPendingRequest('CP-1', 'm1', 'GetLog'));
    t.deepEqual(await state.pendingRequests('CP-1'), new Map([['m1', { featureName: 'Reset' }]]));
  });

  run('clients are apart, whatever they are called', async (t, state) => {
    const clients = ['CP-1', 'CP-10', 'CP:1', 'CP é{1}*?[x]', 'constructor'];
    for (const client of clients) await state.addPendingRequest(client, 'm', `For-${client}`);
    for (const client of clients) {
      t.deepEqual(await state.getPendingRequest(client, 'm'), { featureName: `For-${client}` });
    }
    await state.clearClientPendingRequest('CP-1');
    t.false(await state.hasPendingRequest('CP-1'));
    for (const client of clients.slice(1)) t.true(await state.hasPendingRequest(client), client);
    await state.clearAll();
    for (const client of clients) t.false(await state.hasPendingRequest(client), client);
    t.false(await state.hasPendingRequests());
  });

  run('the state of one client is a part of the whole', async (t, state) => {
    const client = state.clientState('CP-1');
    t.true(await client.addPendingRequest('m1', 'Reset'));
    await client.addPendingRequest('m2', 'GetLog');
    await state.addPendingRequest('CP-2', 'm1', 'Reset');
    t.deepEqual(await client.getPendingRequest('m2'), { featureName: 'GetLog' });
    t.is((await client.pendingRequests()).size, 2);
    await client.completePendingRequest('m1');
    t.is(await state.getPendingRequest('CP-1', 'm1'), undefined);
    t.true(await client.hasPendingRequest());
    await client.clearPendingRequests();
    t.false(await client.hasPendingRequest());
    t.true(await state.hasPendingRequest('CP-2'));
  });
}
