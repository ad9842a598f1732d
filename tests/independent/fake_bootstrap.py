"""A Lambda function that forwards each event to the URL `FAKE_FUNCTION` and returns the response."""

import os

import requests

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"

while True:
    invocation = requests.get(f"{API}/next")
    answer = requests.post(os.environ["FAKE_FUNCTION"], invocation.content)
    request_id = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
    outcome = "response" if answer.ok else "error"
    requests.post(f"{API}/{request_id}/{outcome}", answer.content)
