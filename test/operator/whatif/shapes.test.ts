/** The table of docs/load-shapes.md is what the program computes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { compare, shapesTable } from '../../../operator/whatif/comparison.ts';
import { SHAPES } from '../../../operator/whatif/shapes.ts';
import { SHAPES_PAGE, withTable } from '../../../operator/whatif/shapes-page.ts';

const comparisons = SHAPES.map((shape) => compare(shape));

test('the table of the page is the one that the model computes', (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../..', SHAPES_PAGE), 'utf8');
  t.is(page, withTable(page, shapesTable(comparisons)), 'npm run whatif -- --shapes --write');
});
