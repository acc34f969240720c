/**
 * One word for one concept: phrases and identifiers that docs/glossary.md replaced stay away, in code, comments, tests, charts and
 * pages. An exception names its file and says why; one that is no longer needed fails the test.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';

const ROOT = join(import.meta.dirname, '..');

/** What must not be said, and what to say. */
const REPLACED: readonly (readonly [phrase: RegExp, plain: string])[] = [
  [/\bthe seed\b|\bseed['’]s\b|\bseedAnswer\b/i, 'ocpp-go'],
  [/\bforks?\b|\bfork[A-Z]\w*|\bFork[A-Z]\w*/i, 'ocpp-go'],
  [/\bput(s|ting)? back\b|\bputBack\w*|\bgiveBack\w*/i, 'requeue, restore'],
  [/\bbur(y|ied|ies)\b|\bgiveUp\w*|\bwas given up\b|\bgave up\b/i, 'dead-letter, dead letter, stop'],
  [/\brescu\w+/i, 'reclaim'],
  [/\blanding( list)?\b/i, 'staging list'],
  [/\brunning numbers?\b/i, 'delivery tag'],
  [/\bwaiter\b|\bright to wait\b/i, 'poll lease'],
  [/\bin hand\b|\binHand\w*|\bIN_HAND\b/i, 'in flight'],
  [/\bin the air\b|\binTheAir\b/i, 'pending'],
  [/\bin touch\b/i, 'connected'],
  [/[#.]tell\(|\btell\(event/, 'emit'],
  [/\btroubles?\b/i, 'error, problem'],
  [/\bhow (it|that|they) stands?\b/i, 'current state'],
  [/\bsettledSpec\b|\bSettled[A-Z]\w*/, 'defaultedSpec, Defaulted…'],
  [/\bordersOf\b|\bOrders\b/, 'pauses'],
  [/\bcarryOut\b/, 'execute'],
  [/\bbringUp\b|\bkeysOfOwners\b/, 'enqueue, mapToOwner'],
  [/\bclass Mirror\b|\bnew Mirror\b/, 'diff'],
  [/\bunseen\b/, 'generation not observed'],
  [/\bunread\b/, 'skipRead'],
  [/\bsalvag\w+/i, 'repair'],
  [/\bwhoever\b|\bsomebody\b|\banybody\b|\bnobody\b/i, 'the program, the client, the operator'],
  [/\banew\b/i, 'again, new'],
  [/\bshall\b/i, 'must, does'],
  [/\b(is|are|was|were|been|being) told\b/i, 'gets, is notified, reports'],
  [/\bwhat there is\b/i, 'the existing …'],
  [/\bof before\b/i, 'earlier, existing'],
  [/\bfor ever\b/i, 'without limit, permanently'],
  [/\bcomes? again\b/i, 'reconnects, is redelivered'],
];

interface Exception {
  readonly file: RegExp;
  readonly phrase: RegExp;
  readonly why: string;
}

const WIRE = 'the name of a key in Redis, which stays';

const EXCEPTIONS: readonly Exception[] = [
  { file: /^test\/language\.test\.ts$/, phrase: /./, why: 'this list' },
  { file: /^LICENSE$/, phrase: /./, why: 'the words of the Apache License' },
  { file: /^docs\/glossary\.md$/, phrase: /./, why: 'names what each term replaces' },
  { file: /^docs\/decisions\/0014-/, phrase: /./, why: 'the map of old paths' },
  {
    file: /^services\/transport\/redis\/|^test\/|^docs\//,
    phrase: /[:`' |](rescued|landing|waiter)\b/,
    why: WIRE,
  },
  { file: /^CHANGELOG\.md$/, phrase: /`Outcome\.giveUp`/, why: 'says what replaces it' },
  {
    file: /ocppclusters\.yaml$|^docs\/operations\.md$/,
    phrase: /Trouble|TROUBLE/,
    why: 'a printer column of the resource',
  },
];

const files = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && !/package-lock\.json$|\/golden\/|\.(svg|png|jsonl)$/.test(file));

function findings(): {
  readonly file: string;
  readonly line: number;
  readonly words: string;
  readonly text: string;
  readonly plain: string;
}[] {
  return files.flatMap((file) =>
    readFileSync(join(ROOT, file), 'utf8')
      .split('\n')
      .flatMap((text, index) =>
        REPLACED.flatMap(([phrase, plain]) => {
          const words = phrase.exec(text)?.[0];
          return words === undefined ? [] : [{ file, line: index + 1, words, text: text.trim(), plain }];
        }),
      ),
  );
}

const excuses = ({ file, text }: { file: string; text: string }) =>
  EXCEPTIONS.filter((one) => one.file.test(file) && one.phrase.test(text));

test('no replaced phrase or identifier is used', (t) => {
  const wrong = findings()
    .filter((finding) => excuses(finding).length === 0)
    .map(
      ({ file, line, words, plain, text }) =>
        `${file}:${line}: "${words}", say ${plain}: ${text.slice(0, 100)}`,
    );
  t.deepEqual(wrong, []);
});

test('each exception is needed', (t) => {
  const needed = new Set(findings().flatMap(excuses));
  t.deepEqual(
    EXCEPTIONS.filter((one) => !needed.has(one)).map(({ file, why }) => `${file}: ${why}`),
    [],
  );
});
