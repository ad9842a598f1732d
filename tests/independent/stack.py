"""The template, deployed by ministack: an independent CloudFormation, Lambda and Step Functions."""

import io
import json
import re
import zipfile
from dataclasses import dataclass

from botocore.exceptions import ClientError
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

import definition
from processes import eventually
from template import ROOT

# The account of the emulator's secrets.
ACCOUNT = "123456789012"

# Values of parameters.
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:records"
BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/records"


SAVED_QUERY = re.compile(r"^  \w+:\n    Type: AWS::Logs::QueryDefinition\n(?:    .*\n|\n)+", re.M)


class Stack:
    """A deployed stack: what its resources are called, and what they became."""

    def __init__(self, name, client):
        self.name = name
        self.client = client
        cloudformation = client("cloudformation")
        described = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        self.outputs = {row["OutputKey"]: row["OutputValue"] for row in described["Outputs"]}
        resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        self.resources = {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in resources}

    def delete(self):
        """Deletes the stack, and waits until another one can have its name."""
        cloudformation, s3 = self.client("cloudformation"), self.client("s3")
        cloudformation.delete_stack(StackName=self.name)
        eventually(lambda: not is_there(cloudformation, self.name), "the stack is gone")
        for key in ("code.zip", "sweep.asl.json", "template.yaml"):
            s3.delete_object(Bucket=self.name, Key=key)
        s3.delete_bucket(Bucket=self.name)

    def alarms(self):
        """The alarms by their names in the template."""
        pages = self.client("cloudwatch").get_paginator("describe_alarms").paginate()
        by_name = {row["AlarmName"]: row for page in pages for row in page["MetricAlarms"]}
        return {
            logical: by_name[name] for logical, name in self.resources.items() if name in by_name
        }

    def dashboard(self):
        """The body of the dashboard."""
        name = self.resources["Dashboard"]
        found = self.client("cloudwatch").get_dashboard(DashboardName=name)
        return json.loads(found["DashboardBody"])

    def policies(self, role):
        """The policies of a role that are its own."""
        iam, name = self.client("iam"), self.resources[role]
        return [
            iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
        ]

    def managed_policies(self, role):
        """The names of the policies of AWS that a role has."""
        iam, name = self.client("iam"), self.resources[role]
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        return {policy["PolicyName"] for policy in attached}

    def allows(self, role, action, resource, region="us-east-1", **context):
        """Whether a role may make a call, by ministack's evaluation of IAM policies."""
        statements = [row for policy in self.policies(role) for row in policy["Statement"]]
        return allows(statements, Request(action, resource, region, tuple(context.items())))


def is_there(cloudformation, name):
    try:
        described = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError:
        return False
    return described[0]["StackStatus"] != "DELETE_COMPLETE"


@dataclass(frozen=True)
class Request:
    """What IAM decides about. The names of condition keys are in lower case."""

    action: str
    resource: str
    region: str
    context: tuple = ()


def allows(statements, request):
    """Whether statements allow a request, by ministack's evaluation of IAM policies."""
    call = EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/role/session",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=request.action,
        resource_arn=request.resource,
        region=request.region,
        service_context={
            name: list(value) if isinstance(value, tuple) else value
            for name, value in request.context
        },
    )
    policy = parse_policy_document({"Statement": statements})
    return evaluate(call, [policy]).decision == "Allow"


def deploy(name, code, client, **parameters):
    """Deploys the template with this `bootstrap` as the function's code."""
    s3 = client("s3")
    # Every Region but this one must be named.
    region = s3.meta.region_name
    constraint = {} if region == "us-east-1" else {"LocationConstraint": region}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=constraint)
    s3.put_object(Bucket=name, Key="code.zip", Body=zipped(code))
    # Ministack reads a definition in JSON only, and has no saved queries below. Nothing else differs from
    # what is deployed.
    s3.put_object(Bucket=name, Key="sweep.asl.json", Body=definition.as_json())
    packaged = (ROOT / "template.yaml").read_text()
    # As `sam deploy` does: it uploads each local file, and names the object instead.
    for local, key in [("CodeUri: .", "code.zip"), ("DefinitionUri: sweep.asl.yaml", "sweep.asl.json")]:
        assert packaged.count(f" {local}\n") == 1, local
        packaged = packaged.replace(f" {local}\n", f" {local.split()[0]} s3://{name}/{key}\n")
    packaged, queries = SAVED_QUERY.subn("", packaged)
    assert queries == 3
    # From a bucket, as `sam deploy` does: as text, CloudFormation takes 51,200 bytes.
    s3.put_object(Bucket=name, Key="template.yaml", Body=packaged)
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateURL=f"{s3.meta.endpoint_url}/{name}/template.yaml",
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in ({"AllowedReplicaRegions": "eu-west-1,us-west-2"} | parameters).items()
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )

    def ended():
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return not stack["StackStatus"].endswith("IN_PROGRESS") and stack

    stack = eventually(ended, f"the stack {name} is deployed")
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    return Stack(name, client)


def zipped(bootstrap):
    """A Lambda package of one executable file."""
    file = zipfile.ZipInfo("bootstrap")
    file.external_attr = 0o755 << 16
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(file, bootstrap)
    return package.getvalue()
