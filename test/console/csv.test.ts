/** CSV of the console: RFC 4180, nothing that a spreadsheet runs, exact numbers, and the way back into the import of tokens. */
import test from 'ava';
import * as fc from 'fast-check';
import { importTokens } from '../../services/api/token-import.ts';
import type { Token } from '../../services/client/cluster-client.ts';
import {
  csvHeader,
  csvLine,
  csvRow,
  harmless,
  withoutApostrophes,
} from '../../services/console/parts/csv.ts';

test('cells with commas, quotes and line breaks are quoted, and lines end with CRLF', (t) => {
  t.is(csvLine(['a', 'b,c', 'd"e', 'f\ng', '', undefined, 7]), 'a,"b,c","d""e","f\ng",,,7\r\n');
});

test('a text that a spreadsheet could take for a formula begins with an apostrophe', (t) => {
  for (const text of [
    '=1+1',
    '+1',
    '-1+1',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    '\n=1',
    ' =1',
    '＝1',
    "'=1",
    '-',
    '+49151',
  ])
    t.is(harmless(text), `'${text}`, JSON.stringify(text));
  for (const text of ['', 'a=1', '1-1', "it's", "'", 'x\t=1', ' 1']) t.is(harmless(text), text);
});

test('exact decimals stay as they are, negative ones too', (t) => {
  for (const text of ['15230.5', '-3', '-0.000000000000000000001', '12345678901234567890.123456789', '0'])
    t.is(csvLine([text]), `${text}\r\n`);
  t.is(csvLine([-3.5]), '-3.5\r\n');
});

test('columns name what they have', (t) => {
  const columns = [
    { name: 'a', of: (row: { readonly a: string }) => row.a },
    { name: '=b', of: () => undefined },
  ];
  t.is(csvHeader(columns) + csvRow(columns, { a: '=1' }), "a,'=b\r\n'=1,\r\n");
});

test('the apostrophes are removed without another change, and a text that is no CSV stays', (t) => {
  t.is(withoutApostrophes(`token,status\r\n'=1,"'@a""b"\n'x,''=2\n`), `token,status\r\n=1,"@a""b"\n'x,'=2\n`);
  t.is(withoutApostrophes('a,"b\n'), 'a,"b\n');
  t.is(withoutApostrophes(''), '');
});

test('exported tokens are imported as they were, whatever characters they have', async (t) => {
  const cell = fc.oneof(
    fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }),
    fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom(...`'"=+-@,;\r\n\t a1＝`.split('')) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(cell, { minLength: 1, maxLength: 8 }), async (texts) => {
      // The import trims cells, as people write them by hand.
      const tokens = texts.filter((text) => text.trim() === text && text !== '');
      const csv = csvLine(['token', 'status']) + tokens.map((one) => csvLine([one, 'Accepted'])).join('');
      const stored: Token[] = [];
      const port = { set: async (token: Token) => void stored.push(token) };
      const { refused } = await importTokens(port, withoutApostrophes(csv), new AbortController().signal);
      t.deepEqual(refused, []);
      t.deepEqual(
        stored.map(({ token }) => token),
        tokens,
      );
    }),
    { numRuns: 300 },
  );
});
