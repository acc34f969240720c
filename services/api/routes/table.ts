/** All operations of the API, in the order of its document. */
import type { Operation } from '../operation.ts';
import { auditOperations } from './audit.ts';
import { broadcastOperations } from './broadcasts.ts';
import { commandSchemaOperations } from './command-schemas.ts';
import { commandOperations } from './commands.ts';
import { deadLetterOperations } from './dead-letters.ts';
import { eventOperations } from './events.ts';
import type { Parts } from './parts.ts';
import { refusalOperations } from './refusals.ts';
import { recordingOperations } from './recordings.ts';
import { historyOperations } from './history.ts';
import { registerOperations } from './register.ts';
import { registrationOperations } from './registrations.ts';
import { shortFormOperations } from './short-forms.ts';
import { stationOperations } from './stations.ts';
import { statusOperations } from './status.ts';
import { tokenOperations } from './tokens.ts';
import { transactionOperations } from './transactions.ts';
import { webhookOperations } from './webhooks.ts';

export const operationsOf = (parts: Parts): readonly Operation[] => [
  ...statusOperations(parts),
  ...historyOperations(parts),
  ...stationOperations(parts),
  ...refusalOperations(parts),
  ...transactionOperations(parts),
  ...eventOperations(parts),
  ...commandOperations(parts),
  ...shortFormOperations(parts),
  ...commandSchemaOperations(),
  ...broadcastOperations(parts),
  ...tokenOperations(parts),
  ...registrationOperations(parts),
  ...registerOperations(parts),
  ...deadLetterOperations(parts),
  ...recordingOperations(parts),
  ...webhookOperations(parts),
  ...auditOperations(parts),
];
