"""An AWS account whose services are those of several local servers."""

import io
import re
import struct
from datetime import datetime

import requests
from botocore.parsers import RpcV2CBORParser
from stack import Request, allows
from werkzeug.wrappers import Response

ROOT_OF_NAMES = re.compile(r"^/(?:\d{4}-\d{2}-\d{2}/)?")
# The operations of services whose requests contain no name.
PATHS = {
    r"GET /functions/[^/]+/configuration": "GetFunctionConfiguration",
    r"GET /functions/[^/]+/concurrency": "GetFunctionConcurrency",
    r"GET /functions/[^/]+/policy": "GetPolicy",
    r"POST /functions/[^/]+/invocations": "InvokeFunction",
    r"GET /schedules/[^/]+": "GetSchedule",
    r"POST /listRegions": "ListRegions",
}
# The prefixes of IAM actions that are not the name of the service in a signature.
PREFIXES = {"monitoring": "cloudwatch"}
ACCESS = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
HOP_BY_HOP = {"connection", "content-encoding", "content-length", "host", "transfer-encoding"}


def members(form, name):
    """Returns the values of a list in a request of the query protocol."""
    pattern = re.compile(rf"{re.escape(name)}\.member\.(\d+)")
    matches = ((pattern.fullmatch(key), value) for key, value in form.items())
    found = {int(match[1]): value for match, value in matches if match}
    return [found[number] for number in sorted(found)]


class Account:
    """Forwards each request to the server of its service. Answers can be scripted by operation.

    The policy simulators of moto and ministack lack condition keys, so ministack's evaluation of IAM policies
    decides the simulated calls.
    """

    def __init__(self, ministack, moto, emulator, boto):
        self.boto = boto
        self.servers = {"cloudtrail": moto, "kms": moto, "secretsmanager": emulator}
        self.other = ministack
        self.statements = {}
        self.answers = {}
        self.seen = set()

    def respond(self, request):
        # Read before the form, which would consume it.
        request.get_data()
        access = ACCESS.search(request.headers["Authorization"])
        service, name = access["service"], operation(request)
        self.seen.add(f"{PREFIXES.get(service, service)}:{name}")
        if name in self.answers:
            return self.answers[name]
        if request.content_type == "application/cbor":
            return self.cloudwatch(request, name)
        if name == "SimulatePrincipalPolicy":
            return self.simulate(request.form)
        return self.forward(request, self.servers.get(service, self.other))

    def cloudwatch(self, request, name):
        """Makes the same call with boto3, because ministack needs another package for CBOR."""
        parameters = RpcV2CBORParser().parse_data_item(io.BufferedReader(io.BytesIO(request.get_data())))
        call = {"DescribeAlarms": "describe_alarms", "GetMetricStatistics": "get_metric_statistics"}[name]
        answer = getattr(self.boto("cloudwatch", self.other), call)(**parameters)
        answer.pop("ResponseMetadata")
        headers = {"smithy-protocol": "rpc-v2-cbor"}
        return Response(cbor(answer), content_type="application/cbor", headers=headers)

    def forward(self, request, server):
        headers = {key: value for key, value in request.headers if key.lower() not in HOP_BY_HOP}
        url = server + request.full_path.rstrip("?")
        answer = requests.request(request.method, url, headers=headers, data=request.get_data(), timeout=30)
        kept = {key: value for key, value in answer.headers.items() if key.lower() not in HOP_BY_HOP}
        return Response(answer.content, answer.status_code, kept)

    def simulate(self, form):
        role = form["PolicySourceArn"].rpartition("/")[2]
        context, region = {}, "us-east-1"
        for key, value in form.items():
            if match := re.fullmatch(r"ContextEntries\.member\.(\d+)\.ContextKeyName", key):
                entry = f"ContextEntries.member.{match[1]}"
                values = members(form, f"{entry}.ContextKeyValues")
                is_list = form[f"{entry}.ContextKeyType"].endswith("List")
                if value == "aws:RequestedRegion":
                    region = values[0]
                context[value.lower()] = tuple(values) if is_list else values[0]
        results = ""
        for action in members(form, "ActionNames"):
            [resource] = members(form, "ResourceArns")
            request = Request(action, resource, region, tuple(context.items()))
            decision = "allowed" if allows(self.statements[role], request) else "implicitDeny"
            results += (
                f"<member><EvalActionName>{action}</EvalActionName>"
                f"<EvalResourceName>{resource}</EvalResourceName>"
                f"<EvalDecision>{decision}</EvalDecision></member>"
            )
        return Response(
            f"<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><EvaluationResults>{results}"
            "</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>",
            content_type="text/xml",
        )


def cbor(value):
    """Encodes a value in CBOR (RFC 8949)."""

    def head(kind, number):
        return bytes([kind << 5 | 27]) + number.to_bytes(8, "big")

    match value:
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return head(0, value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case str():
            return head(3, len(value.encode())) + value.encode()
        case datetime():
            return b"\xc1" + cbor(value.timestamp())
        case list():
            return head(4, len(value)) + b"".join(map(cbor, value))
        case dict():
            rows = [(key, each) for key, each in value.items() if each is not None]
            return head(5, len(rows)) + b"".join(cbor(key) + cbor(each) for key, each in rows)
    raise TypeError(value)


def operation(request):
    """Returns the name of the operation."""
    if target := request.headers.get("X-Amz-Target"):
        return target.rpartition(".")[2]
    if match := re.search(r"/operation/(\w+)$", request.path):
        return match[1]
    if "Action" in request.form:
        return request.form["Action"]
    path = f"{request.method} {ROOT_OF_NAMES.sub('/', request.path)}"
    [name] = [name for pattern, name in PATHS.items() if re.fullmatch(pattern, path)]
    return name
