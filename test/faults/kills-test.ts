/** The test of kills.ts, for so many of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { startApiServer } from '../support/api-server.ts';
import { killInARow } from './kills.ts';

const CRD = join(import.meta.dirname, '../../crds/ocppclusters.yaml');
/** One takes about two seconds. */
const LIMIT_MS_PER_KILL = 10_000;

export function killsTest(kills: number): void {
  test(`${kills} kills of the API server in a row: no event is lost, every OcppCluster ends as wanted`, async (t) => {
    t.timeout(120_000 + kills * LIMIT_MS_PER_KILL);
    await using server = await startApiServer();
    if (server === undefined) {
      t.pass('skipped');
      return;
    }
    await server.installCrd(readFileSync(CRD, 'utf8'));
    const toll = await killInARow(server, kills);
    t.log(
      `${toll.kills} kills, ${toll.writes} writes (${toll.retries} tried again), ${toll.deletions} deletions seen`,
    );
    t.deepEqual(toll.seen, toll.truth, 'the reflector has what is');
    t.deepEqual(toll.mistakes, [], 'each object was reported once as new and once as gone');
    t.deepEqual(toll.made, toll.wanted, 'the operator made what is wanted');
    t.true(toll.writes > 20 * kills, 'there was something to lose');
    t.true(toll.retries > 0, 'the kills were felt');
    t.true(toll.deletions > kills / 5, 'there were deletions to lose');
  });
}
