#!/usr/bin/env python3
"""A back end of an operator, without dependencies: it decides who may charge, gets the events of the network, and sends commands.

    SECRET=whsec_… python3 backend.py 8099

POST /decide answers questions of the decision webhook (docs/decision-webhook.md): cards of the fleet charge, others do not. POST /events takes the
events of a webhook (docs/event-webhooks.md). With API and TOKEN, the address and an access token of the HTTP API, it asks a station for its current status
when a connector is faulted. Both webhooks have the same signing secret here.
STORE is the file with the ids of handled events; without it they are forgotten at the end.
"""
import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))
API, TOKEN = os.environ.get("API", ""), os.environ.get("TOKEN", "")
STORE = os.environ.get("STORE") or os.path.join(tempfile.mkdtemp(), "handled-events.sqlite")


def is_signed(headers, body):
    """Whether this body has a signature of the last five minutes (Standard Webhooks)."""
    name, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not at.isdigit() or abs(time.time() - int(at)) > 300:
        return False
    digest = hmac.new(KEY, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    return any(hmac.compare_digest(expected, one) for one in headers.get("webhook-signature", "").split())


def decide(question):
    """{} takes the proposed answer."""
    if question["action"] not in ("Authorize", "StartTransaction"):
        return {}
    request = question["request"]
    token = request.get("idTag") or request.get("idToken", {}).get("idToken", "")
    if token.startswith("FLEET-"):
        return {"status": "Accepted", "parent": "FLEET", "cacheSeconds": 60}
    return {"status": "Blocked"}


def take(event):
    """Handles an event. A repetition has the same id; an event whose handling fails is not noted, and is sent again."""
    with sqlite3.connect(STORE, timeout=5) as store:
        store.execute("CREATE TABLE IF NOT EXISTS handled (id TEXT PRIMARY KEY)")
        if store.execute("SELECT 1 FROM handled WHERE id = ?", (event["id"],)).fetchone():
            return
    data = event.get("data", {})
    if event["type"] == "ocpp.transaction-stopped":
        print(f"bill: {event['subject']} {data['transactionId']}: {data.get('energy', '?')} Wh", flush=True)
    if event["type"] == "ocpp.connector-status" and data["status"] == "Faulted":
        *evse, connector = data["connector"].split(".")
        place = {"connector": int(connector), **({"evse": int(evse[0])} if evse else {})}
        command(event, "trigger", {"message": "StatusNotification", **place})
    with sqlite3.connect(STORE, timeout=5) as store:
        store.execute("INSERT OR IGNORE INTO handled VALUES (?)", (event["id"],))


def command(event, action, body):
    """The event names the intent: however often this is sent, the station gets the command once."""
    if API == "":
        return
    station = urllib.parse.quote(event["subject"], safe="")
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", "Idempotency-Key": f"fault-{event['id']}"}
    request = urllib.request.Request(f"{API}/v1/stations/{station}/{action}", json.dumps({**body, "wait": 5}).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        answer = json.load(error)
        if error.code in (429, 503):
            raise
    print(f"{action}: {event['subject']} {answer.get('state', answer.get('code'))}", flush=True)


class BackEnd(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if not is_signed(self.headers, body):
            return self.answer(401, {"why": "wrong signature"})
        if self.path == "/decide":
            return self.answer(200, decide(json.loads(body)))
        try:
            take(json.loads(body))
        except (OSError, sqlite3.Error) as error:
            return self.answer(503, {"why": str(error)})
        return self.answer(200, {})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), BackEnd).serve_forever()
