import test from 'ava';
import { startStation } from '../client/station.ts';
import { startApiCluster } from '../api/cluster.ts';
import { terminal } from './terminal.ts';
test('try', async (t) => {
  await using cluster = await startApiCluster();
  await using station = await startStation(cluster.proxy.url, 'CP-1', async () => undefined);
  await station.sendRequest('BootNotification', { chargePointVendor: 'Acme', chargePointModel: 'DC\u001b[31m-9' });
  await station.sendRequest('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Available' });
  await station.sendRequest('StartTransaction', { connectorId: 1, idTag: 'ABC', meterStart: 5, timestamp: new Date().toISOString() });
  const at = terminal({ OCPPCTL_URL: cluster.api.apiUrl, OCPPCTL_TOKEN: 'admin' });
  for (const line of ['status','stations','station CP-1','transactions','transactions --closed','transaction CP-1 1','call CP-1 Reset {"type":"Soft"}','call CP-1 Reset {"type":"Loud"}','call CP-1 Reset {','call CP-2 Reset {"type":"Soft"}','reset CP-1','trigger CP-1 Heartbeat','unlock CP-1 --connector 1','start CP-1 --token ABC --connector 1','stop CP-1 1','command CP-1 x','tokens set abc','tokens','tokens get ABC','tokens remove abc','tokens remove abc','register set CP-1 --label a=b --vendor Acme','register set CP-1 --label c=d --vendor= --block','register','register show CP-9','register new-password CP-1','register change-password CP-1','register reset-profile CP-1','register remove CP-1','registrations set CP-2 Pending','registrations','registrations remove CP-2','dead-letters','dead-letters unreadable','dead-letters replay --all','audit --limit 4','top','broadcast ClearCache --stations CP-1','nothing','tokens foo','stations --limit x','stations --foo','version -o json','station CP-1 -o json','call CP-1 ClearCache -o json','call CP-3 ClearCache -o json','call CP-3 ClearCache --queue --protocol ocpp1.6','completion bash --url x', 'status --url http://127.0.0.1:1', 'status --token-file /dev/null']) {
    const { status, stdout, stderr } = await at.run(line.split(' '));
    t.log(`$ ${line}\n${stdout.slice(0, 1500)}${stderr === '' ? '' : `[err] ${stderr}`}[${status}]`);
  }
  t.pass();
});
