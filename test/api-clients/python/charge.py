"""A client that openapi-python-client makes charges once at a station. Its last line of output is JSON with what it saw."""

import json
import sys
import time

from ocpp_cluster_api_client import AuthenticatedClient
from ocpp_cluster_api_client.api.commands import send_command, start_transaction, stop_transaction
from ocpp_cluster_api_client.api.stations import list_stations
from ocpp_cluster_api_client.api.transactions import get_transaction, list_transactions
from ocpp_cluster_api_client.models import CommandRequest, Problem, StartRequest, StopRequest

# How often a list is read before what it must show counts as missing.
PATIENCE = 200


def first(read, what):
    for _ in range(PATIENCE):
        found = read()
        if found:
            return found
        time.sleep(0.05)
    raise RuntimeError(f"no {what}")


def main(url, token, read_token, station):
    client = AuthenticatedClient(base_url=url, token=token)
    stations = list_stations.sync(client=client, connected=True, prefix=station)
    start = StartRequest(token="CLIENT", connector=1)
    started = start_transaction.sync(station, client=client, body=start, idempotency_key="python-start-1")
    assert started.id == "python-start-1", started
    (transaction,) = first(
        lambda: list_transactions.sync(client=client, station=station).items, "open transaction"
    )
    number = transaction.transaction
    stopped = stop_transaction.sync(station, client=client, body=StopRequest(transaction=number))

    def closed():
        found = get_transaction.sync(station, number, client=client)
        return found if found.state == "closed" else None

    bill = first(closed, "bill")
    body = CommandRequest.from_dict({"action": "Reset", "payload": {"type": "Warm"}})
    refused = send_command.sync(station, client=client, body=body)
    reader = AuthenticatedClient(base_url=url, token=read_token)
    forbidden = send_command.sync(station, client=reader, body=body)
    assert isinstance(refused, Problem) and isinstance(forbidden, Problem)
    seen = {
        "station": [one.id for one in stations.items][0],
        "started": started.state,
        "open": transaction.state,
        "stopped": stopped.state,
        "bill": bill.kind,
        "energy": bill.energy,
        "refused": refused.code,
        "forbidden": forbidden.code,
    }
    print(json.dumps(seen))


main(*sys.argv[1:])
