/** What is known of a station: who it is, and the last that its connectors said. */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { Time } from '../parts/time.tsx';
import { TEXTS } from '../texts.ts';
import { type Connector, placeOf, type Station } from './station.ts';

const WORDS = TEXTS.station;

export function Section({
  title,
  class: name = '',
  tools,
  children,
}: {
  readonly title: string;
  readonly class?: string;
  readonly tools?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  const id = useId();
  return (
    <section class={`card ${name}`} aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {tools}
      </div>
      {children}
    </section>
  );
}

/** What is wider than a narrow screen, such as a table: it can be scrolled by keyboard, too. */
export function Scrolls({
  label,
  children,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="station-scrolls" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

export interface Fact {
  readonly name: string;
  readonly value: ComponentChildren;
}

/** Names and values in two columns; a value that is missing is shown as such. */
export function FactList({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="station-facts">
      {facts.map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value === undefined || value === '' ? TEXTS.unknown : value}</dd>
        </div>
      ))}
    </dl>
  );
}

const REPORTED = ['firmware', 'firmwarePublish', 'diagnostics', 'log'] as const;

export function Facts({ station }: { readonly station: Station }) {
  const { connected, connection, disconnectedAt, protocol, boot, registration, reported } = station;
  const names = WORDS.facts;
  const shown = REPORTED.flatMap((name): Fact[] => {
    const report = reported[name];
    return report === undefined ? [] : [{ name: names.reported[name], value: <Report report={report} /> }];
  });
  return (
    <Section title={names.title}>
      <FactList
        facts={[
          connected
            ? { name: names.since, value: <Time at={connection?.since} /> }
            : { name: names.offlineSince, value: <Time at={disconnectedAt} /> },
          { name: names.protocol, value: protocol?.replace(/^ocpp/, '') },
          { name: names.proxy, value: connection?.proxy },
          { name: names.address, value: connection?.remoteAddress },
          { name: names.vendor, value: boot?.vendor },
          { name: names.model, value: boot?.model },
          { name: names.serial, value: boot?.serial },
          { name: names.firmware, value: boot?.firmware },
          { name: names.boot, value: boot && <Boot boot={boot} /> },
          { name: names.registration, value: registration },
          ...shown,
        ]}
      />
    </Section>
  );
}

function Boot({ boot: { at, status, reason } }: { readonly boot: NonNullable<Station['boot']> }) {
  const words = [status, reason].filter((one) => one !== undefined && one !== '');
  return (
    <>
      <Time at={at} /> <span class="quiet">({words.join(', ')})</span>
    </>
  );
}

/** The fields of an event: `status`, and `at`. */
function Report({ report }: { readonly report: Readonly<Record<string, unknown>> }) {
  const { status, at } = report;
  return (
    <>
      {typeof status === 'string' ? status : TEXTS.unknown}{' '}
      <span class="quiet">
        <Time at={typeof at === 'string' ? at : undefined} />
      </span>
    </>
  );
}

const TONES: Readonly<Record<string, string>> = {
  Available: 'good',
  Preparing: 'busy',
  Charging: 'busy',
  Occupied: 'busy',
  SuspendedEV: 'busy',
  SuspendedEVSE: 'busy',
  Finishing: 'busy',
  Reserved: 'warn',
  Unavailable: 'idle',
  Faulted: 'bad',
};

export function Connectors({ station }: { readonly station: Station }) {
  const words = WORDS.connectors;
  const { connectors, lastFault } = station;
  return (
    <Section title={words.title}>
      {connectors.length === 0 ? (
        <p class="quiet">{words.none}</p>
      ) : (
        <Scrolls label={words.title}>
          <table class="station-table">
            <thead>
              <tr>
                {[words.connector, words.status, words.error, words.since].map((one) => (
                  <th key={one} scope="col">
                    {one}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {connectors.map((one) => (
                <tr key={placeOf(one)}>
                  <th scope="row">
                    {one.connector === 0 && one.evse === undefined ? words.whole : placeOf(one)}
                  </th>
                  <td>
                    <span class={`badge ${TONES[one.status] ?? 'idle'}`}>{one.status}</span>
                  </td>
                  <td>{errorOf(one)}</td>
                  <td>
                    <Time at={one.at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolls>
      )}
      {lastFault !== undefined && (
        <p class="station-fault">
          <span class="quiet">{words.lastFault}:</span> {faultOf(lastFault)}{' '}
          <span class="quiet">
            <Time at={lastFault.at} />
          </span>
        </p>
      )}
    </Section>
  );
}

const errorOf = ({ errorCode }: Connector): string =>
  errorCode === undefined || errorCode === 'NoError' ? TEXTS.unknown : errorCode;

function faultOf(fault: Connector): string {
  const { place, fault: line } = WORDS.connectors;
  const where = place(fault.evse === undefined ? '' : String(fault.evse), String(fault.connector));
  return line(where, fault.status, fault.errorCode ?? '');
}
