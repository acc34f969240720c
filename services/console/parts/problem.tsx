/** What went wrong with a request, in words. */
import type { ApiProblem } from '../api/client.ts';
import { TEXTS } from '../texts.ts';

export function Problem({
  of,
  onRetry,
}: {
  readonly of: ApiProblem | undefined;
  readonly onRetry?: () => void;
}) {
  if (of === undefined) return null;
  const { requestId } = of.document;
  return (
    <div class="problem" role="alert">
      <p>{typeof requestId === 'string' ? TEXTS.problem(of.message, requestId) : of.message}</p>
      {onRetry !== undefined && (
        <button type="button" onClick={onRetry}>
          {TEXTS.retry}
        </button>
      )}
    </div>
  );
}
