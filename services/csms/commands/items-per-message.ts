/**
 * Commands of OCPP 2.x whose list a station limits by the variable ItemsPerMessage (2.x Part 2, Referenced Components and Variables), how
 * such a command is split, and how the answers of its parts become one. Pure.
 *
 * Only commands whose answer has one result for each item are here. Two others have a limit too, and are sent as they are: each part of a
 * GetReport would begin a report of its own under the same request id, and a SendLocalList replaces or updates a list as a whole,
 * under one version number.
 */
import type { Protocol } from '../../ocpp/frame.ts';
import type { Answer } from '../../transport/outcome.ts';

export interface ItemLists {
  /** The list in the request, and the one in the response. Results name their items, so their order does not matter. */
  readonly items: string;
  readonly results: string;
  /** The component whose variable ItemsPerMessage has the limit, in the instance of the action. */
  readonly component: 'DeviceDataCtrlr' | 'MonitoringCtrlr';
}

const LISTS: Readonly<Record<string, ItemLists>> = {
  GetVariables: { items: 'getVariableData', results: 'getVariableResult', component: 'DeviceDataCtrlr' },
  SetVariables: { items: 'setVariableData', results: 'setVariableResult', component: 'DeviceDataCtrlr' },
  SetVariableMonitoring: {
    items: 'setMonitoringData',
    results: 'setMonitoringResult',
    component: 'MonitoringCtrlr',
  },
  ClearVariableMonitoring: { items: 'id', results: 'clearMonitoringResult', component: 'MonitoringCtrlr' },
};

type Payload = Readonly<Record<string, unknown>>;

/** Undefined for an action that is never split. */
export function listsOf(protocol: Protocol, action: string): ItemLists | undefined {
  return protocol !== 'ocpp1.6' && Object.hasOwn(LISTS, action) ? LISTS[action] : undefined;
}

/** @param payload valid by the schema of its action */
export function itemsIn({ items }: ItemLists, payload: unknown): readonly unknown[] {
  return (payload as Readonly<Record<string, readonly unknown[]>>)[items] ?? [];
}

/** Payloads with at most `size` items each, in the order of the items. */
export function splitPayload(lists: ItemLists, payload: unknown, size: number): readonly Payload[] {
  const items = itemsIn(lists, payload);
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, part) => ({
    ...(payload as Payload),
    [lists.items]: items.slice(part * size, (part + 1) * size),
  }));
}

/** The first payload with the results of all. @param payloads at least one, each valid by the schema of the response */
export function mergePayloads({ results }: ItemLists, payloads: readonly unknown[]): Payload {
  const merged = payloads.flatMap((one) => (one as Readonly<Record<string, unknown[]>>)[results] ?? []);
  return { ...(payloads[0] as Payload), [results]: merged };
}

/** The payload of a GetVariables that reads the limit: one item, which every station takes. */
export function limitRequest({ component }: ItemLists, action: string): Payload {
  const variable = { name: 'ItemsPerMessage', instance: action };
  return { getVariableData: [{ component: { name: component }, variable }] };
}

/** The limit in the answer to limitRequest(); undefined if the station says none. */
export function limitIn(answer: Answer): number | undefined {
  if (answer.kind === 'error') return undefined;
  const { getVariableResult } = answer.payload as {
    readonly getVariableResult?: readonly {
      readonly attributeStatus?: string;
      readonly attributeValue?: string;
    }[];
  };
  const [result] = getVariableResult ?? [];
  if (result?.attributeStatus !== 'Accepted') return undefined;
  const text = result.attributeValue?.trim() ?? '';
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
