/**
 * Alert rules as they are shipped, with less patience, for a test that has seconds where a person has minutes. Three things become shorter by
 * one factor, and nothing else changes:
 *
 * - `for`;
 * - windows and offsets of PromQL, such as `[10m]` and `offset 15m`;
 * - how late a webhook may be, the one bound of an expression that is a patience too.
 */
import type { RuleGroup } from '../dashboard/world.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
/** A rate needs some scrapes, which are a second apart; s. */
const SHORTEST_WINDOW = 5;

export const hastened =
  (factor: number) =>
  (groups: readonly RuleGroup[]): readonly RuleGroup[] => {
    const shorter = (number: string, unit: string, least: number) =>
      `${Math.max(least, Math.round((Number(number) * (SECONDS[unit] ?? 1)) / factor))}s`;
    const inExpr = (expr: string) =>
      expr
        .replaceAll(
          /(\[|offset )(\d+)([smh])\b/g,
          (_, before: string, number: string, unit: string) =>
            `${before}${shorter(number, unit, SHORTEST_WINDOW)}`,
        )
        .replace(
          /(?<=_lag_seconds\{[^}]*\}\) > )\d+/,
          (seconds) => `${Math.max(1, Math.round(Number(seconds) / factor))}`,
        );
    return groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => {
        const [, number = '0', unit = 's'] = /^(\d+)([smh])$/.exec(rule.for ?? '0s') ?? [];
        return { ...rule, expr: inExpr(rule.expr), for: shorter(number, unit, 0) };
      }),
    }));
  };
