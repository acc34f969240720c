/** Actions that change something: one at a time, with their outcome; disabled, with the reason, where the access token does not permit them. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { ApiProblem } from '../api/client.ts';
import { problemFrom } from '../api/patience.ts';
import { TEXTS } from '../texts.ts';
import { Dialog } from './dialog.tsx';
import { Problem } from './problem.tsx';

export interface Action {
  readonly isBusy: boolean;
  /** Why the last run failed. */
  readonly problem: ApiProblem | undefined;
  /** @returns whether it succeeded; false as well while another run is busy */
  readonly run: (work: () => Promise<void>) => Promise<boolean>;
  readonly clear: () => void;
}

export function useAction(): Action {
  const isBusy = useSignal(false);
  const problem = useSignal<ApiProblem | undefined>(undefined);
  return {
    isBusy: isBusy.value,
    problem: problem.value,
    async run(work) {
      if (isBusy.peek()) return false;
      isBusy.value = true;
      problem.value = undefined;
      try {
        await work();
        return true;
      } catch (error) {
        problem.value = problemFrom(error);
        return false;
      } finally {
        isBusy.value = false;
      }
    },
    clear: () => void (problem.value = undefined),
  };
}

export interface ActionButtonProps {
  readonly onClick: () => void;
  readonly children: ComponentChildren;
  /** Why it is disabled. */
  readonly refusal?: string | undefined;
  readonly isBusy?: boolean;
  readonly kind?: 'primary' | 'danger';
}

export function ActionButton({ onClick, children, refusal, isBusy = false, kind }: ActionButtonProps) {
  const id = useId();
  const isOff = refusal !== undefined || isBusy;
  return (
    <>
      <button
        type="button"
        class={kind}
        // It keeps the focus, so that the reason is read.
        aria-disabled={isOff}
        title={refusal}
        aria-describedby={refusal === undefined ? undefined : id}
        onClick={() => {
          if (!isOff) onClick();
        }}
      >
        {children}
      </button>
      {refusal !== undefined && (
        <span id={id} class="only-read">
          {refusal}
        </span>
      )}
    </>
  );
}

export interface ConfirmProps {
  readonly title: string;
  /** Such as `Delete`. */
  readonly verb: string;
  readonly children: ComponentChildren;
  readonly action: Action;
  readonly isDangerous?: boolean;
  /** Whether the user has still something to do before. */
  readonly isIncomplete?: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before an action; a failed one stays open and says why. */
export function Confirm({
  title,
  verb,
  children,
  action,
  isDangerous = false,
  isIncomplete = false,
  onConfirm,
  onClose,
}: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        class="confirm"
        onSubmit={(event) => {
          event.preventDefault();
          if (!action.isBusy && !isIncomplete) onConfirm();
        }}
      >
        {children}
        <Problem of={action.problem} />
        <div class="buttons">
          <button type="button" onClick={onClose}>
            {TEXTS.cancel}
          </button>
          <button
            type="submit"
            class={isDangerous ? 'danger' : 'primary'}
            disabled={isIncomplete || action.isBusy}
          >
            {action.isBusy ? TEXTS.busy : verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** What the last action did: it stays until the next one. */
export function Outcome({ text }: { readonly text: string }) {
  return (
    <p class="outcome" role="status">
      {text}
    </p>
  );
}
