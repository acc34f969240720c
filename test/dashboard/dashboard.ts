/** The dashboard as the chart renders it, and its queries as Grafana would send them. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { only, template } from '../charts/helm.ts';
import { OPERATOR } from '../charts/values.ts';

/** A row, as a file of the chart has it. */
export interface Row {
  readonly id: number;
  readonly title: string;
  readonly panels: readonly SourcePanel[];
}
export interface SourcePanel {
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly kind?: string;
  readonly unit?: string;
  readonly queries: readonly {
    readonly expr?: string;
    readonly freshest?: string;
    readonly increase?: string;
    readonly legend?: string;
    readonly needs?: string;
  }[];
}

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}
export interface Source {
  readonly type: string;
  readonly uid: string;
}
/** A panel of Grafana, or the head of a row. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: Place;
  readonly datasource?: Source;
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly datasource: Source;
    readonly instant: boolean;
    readonly range: boolean;
  }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
}
export interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly definition?: string;
      readonly datasource?: Source;
    }[];
  };
  readonly annotations: {
    readonly list: readonly { readonly name: string; readonly expr?: string; readonly datasource: Source }[];
  };
}

/** The files, in the order of the rows. */
export const ROWS: readonly Row[] = globSync(join(OPERATOR, 'files/dashboard/*.yaml'))
  .sort()
  .map((file) => parse(readFileSync(file, 'utf8')) as Row);

/** @throws Error if there is no helm */
export function renderDashboard(values: object = {}): {
  readonly dashboard: Dashboard;
  readonly text: string;
} {
  const grafanaDashboard = { enabled: true, ...values };
  const object = only(template(OPERATOR, { metrics: { grafanaDashboard } }), 'ConfigMap');
  const [text = ''] = Object.values((object as unknown as { data: Record<string, string> }).data);
  return { dashboard: JSON.parse(text) as Dashboard, text };
}

export interface Query {
  /** `id title: legend` for messages. */
  readonly name: string;
  readonly panel: number;
  readonly expr: string;
  /** What has to happen before it returns series; undefined: it returns some in any network. */
  readonly needs: string | undefined;
}

/** All queries of panels and annotations, with the variables of Grafana in them. */
export function queriesOf({ panels, annotations }: Dashboard): Query[] {
  const source = new Map(ROWS.flatMap((row) => row.panels).map((panel) => [panel.id, panel]));
  const ofPanels = panels.flatMap(({ id, title, targets = [] }) =>
    targets.map(({ expr }, index) => {
      const { legend = '', needs } = source.get(id)?.queries[index] ?? {};
      return { name: `${id} ${title}: ${legend}`, panel: id, expr, needs };
    }),
  );
  const ofAnnotations = annotations.list.flatMap(({ name, expr }) =>
    expr === undefined
      ? []
      : [{ name: `annotation ${name}`, panel: 0, expr, needs: name === 'Alerts' ? 'alert' : undefined }],
  );
  return [...ofPanels, ...ofAnnotations];
}

export interface Variables {
  readonly namespace: string;
  readonly cluster: string;
  /** As PromQL duration. */
  readonly rateInterval: string;
}

/** As Grafana does before it sends a query; all operators are chosen. */
export const withVariables = (expr: string, { namespace, cluster, rateInterval }: Variables): string =>
  expr
    .replaceAll('$__rate_interval', rateInterval)
    .replaceAll('$namespace', namespace)
    .replaceAll('$cluster', cluster)
    .replaceAll('$operator', '.+');

/** Names of metrics of ours in PromQL; those of a histogram without their suffix. */
export const metricsIn = (expr: string): string[] =>
  (expr.match(/\bocpp_[a-z0-9_]+(?=\{)/g) ?? []).map((name) => name.replace(/_bucket$/, ''));
