/** One row in detail, beside its table; below it on narrow screens. Escape closes it, and the focus returns to the row. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { TEXTS } from '../texts.ts';

export interface PanelProps {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly onClose: () => void;
}

export function Panel({ title, children, onClose }: PanelProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const before = useRef<Element | null>(null);
  const id = useId();
  useEffect(() => {
    before.current = document.activeElement;
    heading.current?.focus();
    return () => {
      if (before.current instanceof HTMLElement) before.current.focus({ preventScroll: true });
    };
  }, []);
  return (
    <aside
      class="panel card"
      aria-labelledby={id}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.target instanceof HTMLDialogElement) return;
        event.stopPropagation();
        onClose();
      }}
    >
      <div class="panel-head">
        <h2 id={id} tabIndex={-1} ref={heading}>
          {title}
        </h2>
        <button type="button" onClick={onClose}>
          {TEXTS.close}
        </button>
      </div>
      {children}
    </aside>
  );
}
