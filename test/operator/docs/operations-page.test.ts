/** docs/operations.md names every reason of a condition and every Event that the operator can tell. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ANNOTATION } from '../../../operator/observe/pauses.ts';

const ROOT = join(import.meta.dirname, '../../..');
const page = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
const sources = globSync(['operator/{reconcile,status}/*.ts', 'operator/scaling/*.ts'], { cwd: ROOT })
  .map((file) => readFileSync(join(ROOT, file), 'utf8'))
  .join('\n');

/** CamelCase words in the places where reasons stand in the code. */
const PLACES: readonly RegExp[] = [
  /\b(?:conditionTrue|conditionFalse)\(\s*'([A-Z]\w+)'/g,
  /\breason: (?:[\w().]+ \? )?'([A-Z]\w+)'(?: : '([A-Z]\w+)')?/g,
  /'(?:True|False)', '(?:Normal|Warning)', '([A-Z]\w+)'/g,
  /single\.push\(\[\s*'([A-Z]\w+)'/g,
  /readonly reason: '(\w+)'(?: \| '(\w+)')*/g,
];

test('every reason and every Event has its line on the page', (t) => {
  const reasons = new Set(
    PLACES.flatMap((place) =>
      [...sources.matchAll(place)].flatMap(([, ...words]) => words.filter((word) => word !== undefined)),
    ),
  );
  t.true(reasons.size > 35, `found ${reasons.size}`);
  t.deepEqual(
    [...reasons].filter((reason) => !page.includes(`\`${reason}\``)),
    [],
  );
  t.deepEqual(
    Object.values(ANNOTATION).filter((annotation) => !page.includes(annotation)),
    [],
  );
});
