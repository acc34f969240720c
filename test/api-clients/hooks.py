"""Generated waits would only make the fuzzer slow."""

import schemathesis


@schemathesis.hook
def map_query(context, query):
    if query and "wait" in query:
        query["wait"] = 0
    return query


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict) and "wait" in body:
        body["wait"] = 0
    return body
