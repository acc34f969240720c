/** Small parts of the cards of this page. */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

export function Card({
  title,
  children,
  isWide = false,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly isWide?: boolean;
}) {
  const id = useId();
  return (
    <section class={`card net-card ${isWide ? 'wide' : ''}`} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

export type Fact = readonly [name: string, value: ComponentChildren, tone?: 'bad' | 'warn' | undefined];

export const warnIf = (holds: boolean): 'warn' | undefined => (holds ? 'warn' : undefined);

/** Names and values in lines. */
export function Facts({ of }: { readonly of: readonly Fact[] }) {
  return (
    <dl class="net-facts">
      {of.map(([name, value, tone = '']) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class={tone}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Characters that are always seen. */
const END = 12;

/** A name that is too long loses its middle, as names of Pods differ at their end. */
export function PodName({ of }: { readonly of: string }) {
  return (
    <span class="net-pod" title={of}>
      <span>{of.slice(0, -END)}</span>
      <span>{of.slice(-END)}</span>
    </span>
  );
}

/** A share of its width, 0 to 1. What it says is in the text beside it. */
export function Bar({ share, tone = '' }: { readonly share: number; readonly tone?: string }) {
  return (
    <div class="net-bar" aria-hidden="true">
      <div class={tone} style={{ width: `${Math.min(1, Math.max(0, share)) * 100}%` }} />
    </div>
  );
}

/** A list that is scrolled in itself where it is long. */
export function Scrolled({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="net-scrolled" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
