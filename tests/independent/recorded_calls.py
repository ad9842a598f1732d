"""A server in front of ministack that records which permissions the calls of a tool need on AWS.

Ministack records no calls, and it does not refuse any.
"""

import json
import re
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.parse import parse_qs

import requests
from werkzeug.wrappers import Response

from local_server import serving
from stack import ACCOUNT, Request, allows
from template import ROOT

# The documented policy of the principal that deploys.
STATEMENTS = json.loads((ROOT / "docs/deployment-policy.json").read_text())["Statement"]
SCOPE = re.compile(r"Credential=[^/]+/\d+/([\w-]+)/(\w+)/aws4_request")
# The permissions of calls of S3 by method and subresource, of a bucket and of an object: Service Authorization
# Reference, and API reference of S3.
OF_BUCKETS = {
    ("PUT", ""): "s3:CreateBucket",
    ("GET", ""): "s3:ListBucket",
    ("HEAD", ""): "s3:ListBucket",
    ("GET", "location"): "s3:GetBucketLocation",
    ("GET", "website"): "s3:GetBucketWebsite",
}
OF_OBJECTS = {
    ("PUT", ""): "s3:PutObject",
    ("POST", "uploads"): "s3:PutObject",
    ("PUT", "uploadId"): "s3:PutObject",
    ("POST", "uploadId"): "s3:PutObject",
    ("GET", ""): "s3:GetObject",
    ("HEAD", ""): "s3:GetObject",
    ("DELETE", ""): "s3:DeleteObject",
    ("GET", "tagging"): "s3:GetObjectTagging",
    ("PUT", "tagging"): "s3:PutObjectTagging",
}
# Members of a query that choose no other call.
OPTIONS = {"x-id", "list-type", "prefix", "delimiter", "encoding-type", "max-keys", "partNumber"}
HOP_BY_HOP = {"connection", "content-encoding", "transfer-encoding"}


@contextmanager
def recording(endpoint):
    """Yields a server that passes each request to the endpoint, with the calls so far."""
    calls = set()

    def respond(request):
        body = request.get_data()
        calls.update(permissions(request, body))
        headers = {name: value for name, value in request.headers.items() if name not in ("Expect", "Connection")}
        url = endpoint + request.full_path.removesuffix("?")
        answer = requests.request(
            request.method, url, data=body, headers=headers, allow_redirects=False, timeout=120
        )
        # The answer to HEAD has the length of a body that it does not have.
        dropped = HOP_BY_HOP if request.method == "HEAD" else HOP_BY_HOP | {"content-length"}
        headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in dropped]
        return Response(answer.content, answer.status_code, headers)

    with serving(respond) as url:
        yield SimpleNamespace(url=url, calls=calls)


def permissions(request, body):
    """Returns what a call needs, as requests that IAM evaluates. A call without a signature needs nothing."""
    scope = SCOPE.search(request.headers.get("Authorization", ""))
    if not scope:
        return []
    region, service = scope.groups()
    if service == "s3":
        return [of_s3(request, region)]
    [action] = parse_qs(body.decode()).get("Action", [f"{request.method} {request.full_path}"])
    # Every caller may call it: API reference of STS, "GetCallerIdentity".
    if (service, action) == ("sts", "GetCallerIdentity"):
        return []
    if service == "cloudformation":
        return of_cloudformation(action, parse_qs(body.decode()), region)
    return [Request(f"{service}:{action}", "*", region)]


def of_s3(request, region):
    bucket, _, key = request.path.lstrip("/").partition("/")
    kind = OF_OBJECTS if key else OF_BUCKETS
    subresource = ",".join(name for name in request.args if name not in OPTIONS)
    # No statement allows an action that this module does not know.
    action = kind.get((request.method, subresource), f"s3:{request.method} {subresource}")
    return Request(action, f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else ""), region)


def of_cloudformation(action, parameters, region):
    arn = f"arn:aws:cloudformation:{region}:{{}}"
    stack = parameters.get("StackName", ["*"])[0].rpartition(":stack/")[2].partition("/")[0]
    resource = "*" if stack == "*" else arn.format(f"{ACCOUNT}:stack/{stack}/any")
    needed = [Request(f"cloudformation:{action}", resource, region)]
    # IAM user guide: a transform of a template is a resource of the call.
    if "CAPABILITY_AUTO_EXPAND" in str(parameters) and action == "CreateChangeSet":
        needed.append(Request(f"cloudformation:{action}", arn.format("aws:transform/Serverless-2016-10-31"), region))
    return needed


def denied(calls, statements=STATEMENTS):
    """Returns the calls that statements do not allow, by default those of the documented policy."""
    return sorted({(call.action, call.resource) for call in calls if not allows(statements, call)})
