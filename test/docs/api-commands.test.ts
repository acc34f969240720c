/** The commands of docs/api.md do what it says, on a cluster of real programs and its simulated station; it lists every problem. */
import test from 'ava';
import { startApiCluster } from '../api/cluster.ts';
import { until } from '../support/until.ts';
import { bash, blocksOf, commandsOf, read, ROOT, runAll, section } from './page-commands.ts';

const page = read('docs/api.md');

/** `kubectl get secret` as for the admin token of the cluster; it forwards nothing. */
const KUBECTL = `
kubectl() {
  if [[ " $* " == *" get secret city-api-admin "* ]]; then printf admin | base64; fi
}
`;
/** The number of commands that say what they print, at least. */
const CHECKED = 16;

test('each command succeeds and prints what the page says', async (t) => {
  await using cluster = await startApiCluster();
  const { proxy, api } = cluster;
  const here = (text: string) =>
    text
      .replaceAll('http://127.0.0.1:8080', api.apiUrl)
      .replaceAll('ws://127.0.0.1:9000/ocpp', proxy.url)
      .replaceAll('npx node', process.execPath);
  const isStation = (text: string) => text.includes('charging-station.ts');
  const commands = blocksOf(page, 'sh')
    .flatMap(commandsOf)
    .map(({ text, prints }) => ({ text: here(text), prints }));
  const station = commands.find(({ text }) => isStation(text));
  const { child, said, ended } = bash(`exec ${station?.text}`, ROOT);
  try {
    await until(() => said.text.includes('connected: DEMO-1'), 'the simulated station');
    const rest = commands.filter(({ text }) => !isStation(text));
    t.true(rest.filter(({ prints }) => prints !== '').length >= CHECKED);
    const results = await runAll(rest, ROOT, KUBECTL);
    for (const [index, { text, prints }] of rest.entries()) {
      const { status, output } = results[index] ?? { status: '', output: '' };
      t.is(status, '0', `${text}\n${output}`);
      t.true(output.includes(prints), `${text}\nprints no ${prints}:\n${output}`);
    }
    const all = results.map(({ output }) => output).join('');
    for (const type of ['transaction-started', 'transaction-stopped'])
      t.regex(all, new RegExp(`id: \\d+-\\d+\\nevent: ${type}\\ndata: \\{`), 'in the stream');
  } finally {
    child.kill('SIGINT');
    await ended;
  }
});

test('the page lists every problem with its status, and no other', (t) => {
  const inCode = [
    ...read('services/api/problems.ts').matchAll(/^ {2}'?([a-z]+(?:-[a-z]+)*)'?: \[(\d{3}), /gm),
  ].map(([, code, status]) => `${status} ${code}`);
  t.true(inCode.length > 25);
  const rows = section(page, 'Errors').matchAll(/^\| (\d{3}) \| ([^|]*) \|/gm);
  const onPage = [...rows].flatMap(([, status, codes = '']) =>
    [...codes.matchAll(/`([^`]+)`/g)].map(([, code]) => `${status} ${code}`),
  );
  t.deepEqual(onPage.toSorted(), inCode.toSorted());
});
