/** A station's day in each version over the memory bus, and the monolith as a program. */
import test from 'ava';
import { PROTOCOLS } from '../../services/ocpp/frame.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import { WebSocketClient } from '../../services/library/websocket-client.ts';
import { startProgram } from '../support/program.ts';
import { BILLED, day16, day2, processorOver, withoutId } from './session.ts';

test('a day in each version bills one transaction each, although starts and stops are repeated', async (t) => {
  const bus = createMemoryBus();
  await using processor = processorOver(bus.transport);
  await using gateway = bus.gateway('proxy');
  await processor.start();
  const id = await day16(gateway, 'CP-16');
  await day2(gateway, 'CP-201', 'ocpp2.0.1');
  await day2(gateway, 'CP-21', 'ocpp2.1');

  const with2 = { transactionId: 'tx-1', evseId: '1' };
  t.deepEqual(bus.state.stream('transactions').map(withoutId), [
    { ...BILLED, stationId: 'CP-16', protocol: 'ocpp1.6', transactionId: `${id}` },
    { ...BILLED, ...with2, stationId: 'CP-201', protocol: 'ocpp2.0.1' },
    { ...BILLED, ...with2, stationId: 'CP-21', protocol: 'ocpp2.1' },
  ]);
  t.like(await bus.state.record(`transaction:${id}`), { closed: BILLED.stoppedAt }, 'nothing stays open');
  t.is(await bus.state.size('open-transactions'), 0);
  t.like(await bus.state.record('station:CP-16'), { boot: 'Accepted', protocol: 'ocpp1.6', vendor: 'Acme' });
  const types = bus.state.stream('events').map(({ type }) => type);
  const connections = ['station-connected', 'station-disconnected'];
  const [began = 0, ended = 0] = connections.map((type) => types.filter((one) => one === type).length);
  t.is(types[0], 'station-connected');
  t.true(began >= 3 && began === ended, `${began} connections, ${ended} ends`);
  t.deepEqual(
    types.filter((type = '') => !connections.includes(type)),
    Array.from({ length: 3 }, () => [
      'station-booted',
      'connector-status',
      'transaction-started',
      'transaction-stopped',
    ]).flat(),
  );
});

test('the monolith serves stations of every version on one port, and exits with status 0', async (t) => {
  await using program = await startProgram('monolith', { OCPP_HEARTBEAT_INTERVAL: '1m' });
  for (const protocol of PROTOCOLS) {
    const client = new WebSocketClient({
      url: program.url,
      stationId: `CP-${protocol}`,
      protocols: [protocol],
    });
    await using station = client;
    const answer = new Promise<string>((resolve) => station.onMessage(resolve));
    await station.start();
    const boot =
      protocol === 'ocpp1.6'
        ? { chargePointVendor: 'Acme', chargePointModel: 'AC-1' }
        : { reason: 'PowerUp', chargingStation: { vendorName: 'Acme', model: 'DC-9' } };
    await station.write(JSON.stringify([2, 'boot-1', 'BootNotification', boot]));
    const [type, id, payload] = JSON.parse(await answer) as unknown[];
    t.deepEqual([type, id], [3, 'boot-1']);
    t.like(payload, { status: 'Accepted', interval: 60 });
  }
  t.is(await program.kill('SIGTERM'), 0);
});
