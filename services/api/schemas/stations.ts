/** Stations and their sessions, as ClusterClient has them. */
import {
  answerOf,
  flag,
  freeObject,
  listOf,
  maybe,
  pageOf,
  protocol,
  registration,
  station,
  text,
  time,
  whole,
} from './schema.ts';

export const Connector = answerOf('Connector', 'The last status of a connector.', {
  evse: maybe(whole('EVSE of 2.x.', 0, Number.MAX_SAFE_INTEGER)),
  connector: whole('Connector; 0 is the station itself in 1.6.', 0, Number.MAX_SAFE_INTEGER),
  status: text('As the station reported it.'),
  at: text('Time as the station wrote it.'),
  errorCode: maybe(text('Error code of 1.6.')),
});

const Connection = answerOf('StationConnection', 'The open connection of a station.', {
  since: time('When it was opened.'),
  remoteAddress: text('Address of the station.'),
  proxy: text('The ws-proxy that holds the socket.'),
});

const Boot = answerOf('StationBoot', 'The last BootNotification of a station.', {
  at: time('When it was received.'),
  status: text('The status that it got.'),
  vendor: maybe(text('Vendor.')),
  model: maybe(text('Model.')),
  serial: maybe(text('Serial number.')),
  firmware: maybe(text('Version of the firmware.')),
  reason: maybe(text('Reason of the boot (2.x).')),
});

const Reported = answerOf('StationReports', 'The last status of firmware, diagnostics and logs.', {
  firmware: maybe(freeObject('FirmwareStatusNotification.')),
  firmwarePublish: maybe(freeObject('PublishFirmwareStatusNotification.')),
  diagnostics: maybe(freeObject('DiagnosticsStatusNotification.')),
  log: maybe(freeObject('LogStatusNotification.')),
});

export const Station = answerOf('Station', 'A station that connected at least once.', {
  id: text('Identity of the station.'),
  connected: flag('Whether it has a connection now.'),
  protocol: maybe(protocol),
  connection: maybe(Connection),
  disconnectedAt: maybe(time('When its last connection ended; absent while it is connected.')),
  registration,
  boot: maybe(Boot),
  connectors: listOf(Connector),
  openTransactions: whole('Number of its open transactions.', 0, Number.MAX_SAFE_INTEGER),
  reported: Reported,
  lastFault: maybe(Connector),
});

export const Session = answerOf('Session', 'An open connection of a station.', {
  station,
  protocol: maybe(protocol),
  since: maybe(time('When it was opened.')),
  remoteAddress: maybe(text('Address of the station.')),
  proxy: maybe(text('The ws-proxy that holds the socket.')),
});

export const StationPage = pageOf('StationPage', Station, 'Stations by identity.');
export const SessionPage = pageOf('SessionPage', Session, 'Open connections by identity of the station.');
