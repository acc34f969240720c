/** The gauges of the settings that a program applies while it runs. */
import { Gauge, type Registry } from 'prom-client';
import { METRIC } from '../../contract.ts';
import type { LiveSettings } from '../live-settings.ts';
import type { Settings } from '../config.ts';

export type AppliedSettings = Pick<LiveSettings<Settings>, 'rejected' | 'appliedAt'>;

/** Of a program whose settings do not change. */
const UNCHANGED: AppliedSettings = { rejected: false, appliedAt: Date.now() };

export function createSettingsGauges(registry: Registry, settings: AppliedSettings = UNCHANGED): void {
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge(METRIC.settingsRejected, '1 while the changed settings are not applied, because one is invalid', () =>
    settings.rejected ? 1 : 0,
  );
  gauge(
    METRIC.settingsAppliedAt,
    'When the settings last changed in this process, or its start; seconds since 1970',
    () => settings.appliedAt / 1000,
  );
}
