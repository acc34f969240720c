/** The bills of one transaction: the one that counts and those that it replaced. */
import { ApiProblem } from '../api/client.ts';
import { chainOf } from './correction.ts';
import { pagesOf, readOne, type Transaction } from './list.ts';

export interface Found {
  readonly newest: Transaction;
  /** The newest first; empty while the transaction is open. */
  readonly chain: readonly Transaction[];
  /** Whether the first bill is in the chain. */
  readonly isWhole: boolean;
  /** Whether the API still knows the transaction: without that, its bill cannot be corrected. */
  readonly isKnown: boolean;
}

/** Pages of bills that are searched. */
const PAGES = 30;

/** @throws ApiProblem `no-such-transaction` where neither the transaction nor a bill is found */
export async function findBills(station: string, transaction: string, over: AbortSignal): Promise<Found> {
  let newest: Transaction | undefined;
  let refusal: ApiProblem | undefined;
  try {
    newest = await readOne(station, transaction, over);
  } catch (error) {
    // The mark has expired; the bill may be there nevertheless.
    if (!(error instanceof ApiProblem) || error.code !== 'no-such-transaction') throw error;
    refusal = error;
  }
  if (newest?.state === 'open') return { newest, chain: [], isWhole: true, isKnown: true };
  if (newest !== undefined && newest.supersedes === undefined)
    return { newest, chain: [newest], isWhole: true, isKnown: true };
  const bills: Transaction[] = [];
  const readPage = pagesOf({ state: 'closed', station, token: '', id: '', kind: '', isDoubtful: false });
  let after: string | undefined;
  for (let page = 0; page < PAGES; page++) {
    const found = await readPage({ limit: 1000, ...(after !== undefined && { after }) }, over);
    bills.push(...found.items.filter((one) => one.transaction === transaction));
    newest ??= bills[0];
    if (newest !== undefined) {
      const chain = chainOf(bills, newest);
      const isWhole = chain.at(-1)?.supersedes === undefined;
      if (isWhole || found.next === undefined)
        return { newest, chain, isWhole, isKnown: refusal === undefined };
    }
    after = found.next;
    if (after === undefined) break;
  }
  if (newest === undefined) throw refusal ?? new ApiProblem(404, 'no-such-transaction', '');
  return { newest, chain: chainOf(bills, newest), isWhole: false, isKnown: refusal === undefined };
}
