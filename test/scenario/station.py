"""A charging station made of the Python packages `ocpp` and `websockets`, which check each answer against
the schemas on their own: it boots, sends a heartbeat, and starts and stops a transaction.

    python station.py ws://127.0.0.1:9000/ocpp CS-1 ocpp1.6|ocpp2.0.1|ocpp2.1 [ACCESS]

ACCESS is JSON: "password" for HTTP Basic, "ca" with which the server's certificate is checked, "certificate" and "key" of the
station; each but the first names a PEM file. Prints one line of JSON: what it was answered. Fails with a traceback at the first answer that is not right.
"""

import asyncio
import base64
import json
import ssl
import sys
import uuid
from datetime import datetime, timezone

import websockets
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v21 import call as call21

TOKEN = "PYTHON"
ENERGY = "Energy.Active.Import.Register"


def now() -> str:
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")


async def charge_16(station: ChargePoint16) -> dict:
    boot = await station.call(
        call16.BootNotification(charge_point_model="Py", charge_point_vendor="Interop"), suppress=False
    )
    heartbeat = await station.call(call16.Heartbeat(), suppress=False)
    authorization = await station.call(call16.Authorize(id_tag=TOKEN), suppress=False)
    started = await station.call(
        call16.StartTransaction(connector_id=1, id_tag=TOKEN, meter_start=100, timestamp=now()),
        suppress=False,
    )
    sampled = [{"value": "150", "measurand": ENERGY, "unit": "Wh"}]
    await station.call(
        call16.MeterValues(
            connector_id=1,
            transaction_id=started.transaction_id,
            meter_value=[{"timestamp": now(), "sampled_value": sampled}],
        ),
        suppress=False,
    )
    await station.call(
        call16.StopTransaction(
            transaction_id=started.transaction_id, meter_stop=200, timestamp=now(), reason="Local"
        ),
        suppress=False,
    )
    return {
        "boot": boot.status,
        "time": heartbeat.current_time,
        "authorization": authorization.id_tag_info["status"],
        "transactionId": str(started.transaction_id),
    }


async def charge_2(station: ChargePoint201 | ChargePoint21, call) -> dict:
    boot = await station.call(
        call.BootNotification(
            charging_station={"model": "Py", "vendor_name": "Interop"}, reason="PowerUp"
        ),
        suppress=False,
    )
    heartbeat = await station.call(call.Heartbeat(), suppress=False)
    token = {"id_token": TOKEN, "type": "ISO14443"}
    authorization = await station.call(call.Authorize(id_token=token), suppress=False)
    transaction_id = str(uuid.uuid4())
    events = [("Started", "Authorized", 100), ("Updated", "MeterValuePeriodic", 150), ("Ended", "StopAuthorized", 200)]
    for number, (event, trigger, energy) in enumerate(events):
        sampled = [{"value": energy, "measurand": ENERGY}]
        await station.call(
            call.TransactionEvent(
                event_type=event,
                timestamp=now(),
                trigger_reason=trigger,
                seq_no=number,
                transaction_info={"transaction_id": transaction_id},
                evse={"id": 1, "connector_id": 1},
                id_token=token if number == 0 else None,
                meter_value=[{"timestamp": now(), "sampled_value": sampled}],
            ),
            suppress=False,
        )
    return {
        "boot": boot.status,
        "time": heartbeat.current_time,
        "authorization": authorization.id_token_info["status"],
        "transactionId": transaction_id,
    }


def options(identity: str, access: dict) -> dict:
    found = {}
    if "password" in access:
        pair = base64.b64encode(f"{identity}:{access['password']}".encode()).decode()
        found["additional_headers"] = {"Authorization": f"Basic {pair}"}
    if "ca" in access:
        found["ssl"] = ssl.create_default_context(cafile=access["ca"])
        if "certificate" in access:
            found["ssl"].load_cert_chain(access["certificate"], access["key"])
    return found


async def main(url: str, identity: str, protocol: str, access: str = "{}") -> None:
    settings = options(identity, json.loads(access))
    async with websockets.connect(f"{url}/{identity}", subprotocols=[protocol], **settings) as socket:
        assert socket.subprotocol == protocol, f"the server chose {socket.subprotocol}"
        if protocol == "ocpp1.6":
            station = ChargePoint16(identity, socket)
            charging = charge_16(station)
        elif protocol == "ocpp2.0.1":
            station = ChargePoint201(identity, socket)
            charging = charge_2(station, call201)
        else:
            station = ChargePoint21(identity, socket)
            charging = charge_2(station, call21)
        listening = asyncio.create_task(station.start())
        told = await asyncio.wait_for(charging, 60)
        listening.cancel()
        print(json.dumps(told))


asyncio.run(main(*sys.argv[1:]))
