/** The address of a Pod is listened on with its loopback address; a loopback address alone. */
import test from 'ava';
import { ENV } from '../../services/contract.ts';
import { ConfigError, loadConfig } from '../../services/runtime/config.ts';
import { programSettings } from '../../services/runtime/program-settings.ts';

const hostWith = (address: string) =>
  loadConfig('program', programSettings, { [ENV.podIp]: address }, []).host;

test('kubectl port-forward reaches every address that a Pod can have', (t) => {
  t.is(hostWith('10.244.1.7'), '0.0.0.0');
  t.is(hostWith('fd00:10:244::7'), '::');
  t.is(hostWith('0.0.0.0'), '0.0.0.0');
});

test('a loopback address is of one Pod only', (t) => {
  t.is(hostWith('127.0.3.1'), '127.0.3.1');
  t.is(hostWith('::1'), '::1');
});

test('what is no address is refused', (t) => {
  t.throws(() => hostWith('city-ws-proxy'), { instanceOf: ConfigError, message: /must be an IP address/ });
});
