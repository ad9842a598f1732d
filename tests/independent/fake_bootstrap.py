"""A function whose answers the test gives: it hands each event to `FAKE_FUNCTION`, over HTTP."""

import os
import urllib.error
import urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"

while True:
    with urllib.request.urlopen(f"{API}/next") as invocation:
        request = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
        event = invocation.read()
    try:
        with urllib.request.urlopen(os.environ["FAKE_FUNCTION"], event) as answer:
            ending, body = "response", answer.read()
    except urllib.error.HTTPError as error:
        ending, body = "error", error.read()
    urllib.request.urlopen(f"{API}/{request}/{ending}", body).close()
