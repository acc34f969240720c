#!/usr/bin/env python3
"""A business back end in 90 lines, with the standard library only: it decides about tokens, gets events, and sends commands.

    SECRET=whsec_… API=http://127.0.0.1:8080 TOKEN=… python3 backend.py 8090

POST /decide  is the decision webhook: the tokens of TOKENS are accepted.
POST /events  is an event webhook: each event is handled once. A station that boots gets a TriggerMessage.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))
API, TOKEN = os.environ.get("API", ""), os.environ.get("TOKEN", "")
TOKENS = {"04A2B3C4", "FLEET-1"}
#: Ids of events that were handled. A real back end stores them together with what it does.
SEEN = set()


def is_signed(headers, body):
    """Whether the body has a signature of the last five minutes (Standard Webhooks)."""
    name, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not at.isdigit() or abs(time.time() - int(at)) > 300:
        return False
    digest = hmac.new(KEY, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(digest).decode()
    return any(hmac.compare_digest(wanted, one) for one in headers.get("webhook-signature", "").split())


def decide(question):
    """The answer to Authorize and to the start of a transaction; {} takes what the cluster proposes."""
    request = question.get("request", {})
    token = request.get("idTag") or (request.get("idToken") or {}).get("idToken")
    if token is None:
        return {}
    return {"status": "Accepted" if token.upper() in TOKENS else "Blocked"}


def command(station, action, payload, key):
    """Sends a command and waits for its outcome. The same key never sends it twice."""
    body = json.dumps({"action": action, "payload": payload}).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", "Idempotency-Key": key}
    url = f"{API}/v1/stations/{urllib.parse.quote(station, safe='')}/commands"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        return json.load(error)


def handle(event):
    if event["id"] in SEEN:
        return
    print(event["type"], event.get("subject", ""), json.dumps(event["data"]), flush=True)
    if event["type"] == "ocpp.station-booted" and API:
        outcome = command(event["subject"], "TriggerMessage", {"requestedMessage": "StatusNotification"}, event["id"])
        print("TriggerMessage", outcome.get("state") or outcome.get("code"), flush=True)
    SEEN.add(event["id"])


class Backend(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if not is_signed(self.headers, body):
            return self.answer(401, {"why": "the signature is wrong"})
        if self.path == "/decide":
            return self.answer(200, decide(json.loads(body)))
        handle(json.loads(body))
        self.answer(200, {})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Backend).serve_forever()
