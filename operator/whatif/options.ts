/** The command line of what-if. */
import { parseArgs } from 'node:util';
import { RECORD } from './recording.ts';
import { SHAPES_PAGE } from './shapes-page.ts';

export const HELP = `npm run whatif -- --metrics FILE --policy FILE [--svg FILE] [--startup N] [--hpa-target N]
npm run whatif -- --shapes [--write]

Replays a recording of the metrics of a cluster with another policy of autoscaling, or simulates load shapes. The operator's own
code decides; beside it is a HorizontalPodAutoscaler with default behaviour.

  --metrics FILE     recorded answers of Prometheus to range queries: one answer, or a list of them
  --policy FILE      an OcppCluster, or only the fields of spec.processor.autoscaling
  --svg FILE         draws processors, backlog and age over time
  --startup N        seconds until a new Pod is ready (10)
  --hpa-target N     messages per processor that the HorizontalPodAutoscaler aims at; default: what one handles in a second
  --shapes           prints a table of load shapes
  --write            with --shapes: writes the table into ${SHAPES_PAGE}

This records three hours:

${RECORD}
`;

export class UsageError extends Error {}

export type Options =
  | { readonly kind: 'help' }
  | { readonly kind: 'shapes'; readonly write: boolean }
  | {
      readonly kind: 'replay';
      readonly metrics: string;
      readonly policy: string;
      readonly svg: string | undefined;
      readonly startupSeconds: number;
      readonly hpaTarget: number | undefined;
    };

/** @throws UsageError */
export function optionsOf(args: readonly string[]): Options {
  const values = valuesOf(args);
  if (values.help) return { kind: 'help' };
  if (values.shapes) return { kind: 'shapes', write: values.write };
  const { metrics, policy, svg } = values;
  if (metrics === undefined) throw new UsageError('--metrics or --shapes must be given');
  if (policy === undefined) throw new UsageError('--policy must be given');
  const hpaTarget = values['hpa-target'];
  return {
    kind: 'replay',
    metrics,
    policy,
    svg,
    startupSeconds: numberIn('startup', values.startup, 0),
    hpaTarget: hpaTarget === undefined ? undefined : numberIn('hpa-target', hpaTarget, 0.001),
  };
}

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        metrics: { type: 'string' },
        policy: { type: 'string' },
        svg: { type: 'string' },
        startup: { type: 'string', default: '10' },
        'hpa-target': { type: 'string' },
        shapes: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new UsageError(line.replace(/\.$/, ''));
  }
}

function numberIn(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= 1e6)) {
    throw new UsageError(`--${name} needs a number from ${least}, not "${text}"`);
  }
  return value;
}
