"""A decider for docs/decision-webhook.md: cards of the fleet charge, other cards do not. It needs Python 3.9 and nothing else."""
import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))


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


class Decider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        signed = is_signed(self.headers, body)
        answer = json.dumps(decide(json.loads(body)) if signed else {"why": "wrong signature"}).encode()
        self.send_response(200 if signed else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Decider).serve_forever()
