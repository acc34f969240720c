#!/usr/bin/env python3
"""Events of the network to a broker: reads CloudEvents from the API by a cursor, publishes each, and stores the cursor after it.

An event arrives at least once, in the order of the stream. Replace `publish` by the client of your broker: with Kafka the key is the station, so that
its events stay in order; with MQTT the topic; with AMQP the routing key. This one appends a line to a file.

    API=http://127.0.0.1:8080 TOKEN=… python3 bridge.py cursor.txt out.jsonl
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

API, TOKEN = os.environ["API"], os.environ["TOKEN"]
CURSOR_FILE, TARGET = sys.argv[1], sys.argv[2]


def publish(key, event):
    """Returns when the broker has stored the event."""
    with open(TARGET, "a") as target:
        target.write(json.dumps({"key": key, "event": event}) + "\n")


def page(cursor):
    query = urllib.parse.urlencode({"after": cursor, "wait": 30, "limit": 1000})
    request = urllib.request.Request(f"{API}/v1/cloudevents?{query}", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


cursor = open(CURSOR_FILE).read().strip() if os.path.exists(CURSOR_FILE) else "0-0"
while True:
    try:
        found = page(cursor)
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        if problem.get("code") != "events-lost":
            raise
        # Events after the cursor were dropped while this program did not run: the target must learn of it.
        publish("", {"type": "ocpp.gap", "after": cursor})
        cursor = "0-0"
        continue
    except OSError as error:
        print(f"the API is out of reach: {error}", file=sys.stderr)
        time.sleep(1)
        continue
    for event in found["items"]:
        publish(event.get("subject", ""), event)
    cursor = found["next"]
    with open(CURSOR_FILE + ".new", "w") as file:
        file.write(cursor)
    os.replace(CURSOR_FILE + ".new", CURSOR_FILE)
