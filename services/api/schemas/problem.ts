/** Errors of the API (RFC 9457). */
import { Command } from './commands.ts';
import { answerOf, listOf, maybe, text, whole } from './schema.ts';

const Fault = answerOf('Fault', 'What is wrong with one part of a request.', {
  path: text('JSON pointer into the body, or `query/`, `path/` or `header/` and a name.'),
  message: text('What is wrong.'),
});

export const ProblemBody = answerOf('Problem', 'Why a request failed (RFC 9457).', {
  type: text('Identifies the code, as a URI.'),
  title: text('What the code means.'),
  status: whole('HTTP status.', 400, 599),
  detail: text('What was wrong, where, and what to do.'),
  code: text('Stable code of the problem, such as `no-such-station`.'),
  errors: maybe(listOf(Fault)),
  command: maybe(Command),
  oldest: maybe(text('Of `events-lost`: cursor of the oldest event that is kept.')),
});
