"""The template, deployed by ministack: an independent CloudFormation, Lambda and Step Functions."""

import io
import json
import re
import zipfile
from dataclasses import dataclass

import yaml
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from template import ROOT, TEMPLATE, of_type

# The account of the emulator's secrets.
ACCOUNT = "123456789012"

# Values of parameters.
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:records"
BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/records"

SAVED_QUERY = re.compile(r"^  \w+:\n    Type: AWS::Logs::QueryDefinition\n(?:    .*\n|\n)+", re.M)
METRIC_MATH = re.compile(r"^      Metrics:\n(?:        .*\n)+", re.M)
# What stands in for metric math. `Stack.alarms` restores it.
NO_MATH = "      Namespace: none\n      MetricName: none\n      Statistic: Sum\n      Period: 60\n"
NO_VALUE = {"Ref": "AWS::NoValue"}
POLLING = {"Delay": 0.1, "MaxAttempts": 300}


class Stack:
    """A deployed stack with its outputs and the physical names of its resources."""

    def __init__(self, name, client):
        self.name = name
        self.client = client
        cloudformation = client("cloudformation")
        described = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        self.parameters = {
            row["ParameterKey"]: row["ParameterValue"] for row in described["Parameters"]
        }
        self.outputs = {row["OutputKey"]: row["OutputValue"] for row in described["Outputs"]}
        resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        self.resources = {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in resources}

    def delete(self):
        """Deletes the stack, so that another stack can have its name."""
        cloudformation, s3 = self.client("cloudformation"), self.client("s3")
        cloudformation.delete_stack(StackName=self.name)
        deleted = cloudformation.get_waiter("stack_delete_complete")
        deleted.wait(StackName=self.name, WaiterConfig=POLLING)
        for key in ("code.zip", "sweep.asl.json", "template.yaml"):
            s3.delete_object(Bucket=self.name, Key=key)
        s3.delete_bucket(Bucket=self.name)

    def function(self):
        """Returns the configuration of the function."""
        name = self.outputs["FunctionName"]
        return self.client("lambda").get_function_configuration(FunctionName=name)

    def rule(self):
        """Returns the name of the rule that delivers events to the function."""
        return self.resources["ReplicatorSecretChanged"].rpartition("/")[2]

    def queue_arn(self, output):
        """Returns the ARN of the queue whose URL is this output."""
        return self.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs[output], AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]

    def alarms(self):
        """Returns the alarms by their names in the template."""
        pages = self.client("cloudwatch").get_paginator("describe_alarms").paginate()
        by_name = {row["AlarmName"]: row for page in pages for row in page["MetricAlarms"]}
        return {
            logical: self.with_math(logical, by_name[name])
            for logical, name in self.resources.items()
            if name in by_name
        }

    def with_math(self, logical, alarm):
        """Returns an alarm with the metric math of the template, which ministack does not take."""
        metrics = TEMPLATE["Resources"][logical]["Properties"].get("Metrics")
        if metrics is None:
            return alarm
        stand_in = {"Namespace", "MetricName", "Dimensions", "Statistic", "Period"}
        rest = {key: value for key, value in alarm.items() if key not in stand_in}
        return rest | {"Metrics": self.resolved(metrics)}

    def resolved(self, value):
        """Returns a part of the template with the values of parameters and mappings."""
        match value:
            case {"Ref": "AWS::NoValue"}:
                return value
            case {"Ref": name}:
                # The name of a rule, whose physical ID is its ARN.
                return self.parameters.get(name) or self.resources[name].rpartition("/")[2]
            case {"Fn::If": [condition, yes, no]}:
                left, right = TEMPLATE["Conditions"][condition]["Fn::Equals"]
                return self.resolved(yes if self.resolved(left) == right else no)
            case {"Fn::FindInMap": [mapping, *keys]}:
                first, second = self.resolved(keys)
                return TEMPLATE["Mappings"][mapping][first][second]
            case dict():
                return {key: self.resolved(each) for key, each in value.items()}
            case list():
                return [each for each in map(self.resolved, value) if each != NO_VALUE]
        return value

    def dashboard(self):
        name = self.resources["Dashboard"]
        found = self.client("cloudwatch").get_dashboard(DashboardName=name)
        return json.loads(found["DashboardBody"])

    def widgets(self, kind):
        """Returns the properties of the dashboard's widgets of a type."""
        widgets = self.dashboard()["widgets"]
        return [widget["properties"] for widget in widgets if widget["type"] == kind]

    def policies(self, role):
        """Returns the inline policies of a role."""
        iam, name = self.client("iam"), self.resources[role]
        return [
            iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
        ]

    def statements(self, role):
        return [row for policy in self.policies(role) for row in policy["Statement"]]

    def managed_policies(self, role):
        """Returns the policies that are attached to a role."""
        name = self.resources[role]
        return self.client("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]

    def allows(self, role, action, resource, region="us-east-1", **context):
        request = Request(action, resource, region, tuple(context.items()))
        return allows(self.statements(role), request)


@dataclass(frozen=True)
class Request:
    """A request as IAM evaluates it. The names of condition keys are in lower case."""

    action: str
    resource: str
    region: str = "us-east-1"
    context: tuple = ()


def allows(statements, request):
    """Returns whether statements allow a request, by ministack's evaluation of IAM policies."""
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


def processed(stack):
    """Returns the resources as SAM transforms them. Ministack does not return all of their properties."""
    template = stack.client("cloudformation").get_template(
        StackName=stack.name, TemplateStage="Processed"
    )["TemplateBody"]
    return (json.loads(template) if isinstance(template, str) else template)["Resources"]


def definition_in_json():
    """Returns the definition of the state machine for ministack, which reads JSON only."""
    return json.dumps(yaml.safe_load((ROOT / "sweep.asl.yaml").read_text()))


def template_for_ministack(code, definition):
    """Returns the template with these places of code and definition.

    Ministack does not support saved queries or metric math, so the template has none. The deployed stack does not
    differ otherwise.
    """
    text = (ROOT / "template.yaml").read_text()
    for local, place in [("CodeUri: .", code), ("DefinitionUri: sweep.asl.yaml", definition)]:
        assert text.count(f" {local}\n") == 1, local
        text = text.replace(f" {local}\n", f" {local.split()[0]} {place}\n")
    text, removed = SAVED_QUERY.subn("", text)
    assert removed == len(of_type("AWS::Logs::QueryDefinition"))
    text = text.replace("${WhatFailedAndWhy}", "saved-query")
    text, removed = METRIC_MATH.subn(NO_MATH, text)
    assert removed == sum("Metrics" in row["Properties"] for row in of_type("AWS::CloudWatch::Alarm").values())
    return text


def deploy(name, code, client, **parameters):
    """Deploys the template with this `bootstrap` as the function's code."""
    s3 = client("s3")
    # S3 refuses us-east-1 as a location constraint.
    region = s3.meta.region_name
    constraint = {} if region == "us-east-1" else {"LocationConstraint": region}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=constraint)
    s3.put_object(Bucket=name, Key="code.zip", Body=zipped(code))
    s3.put_object(Bucket=name, Key="sweep.asl.json", Body=definition_in_json())
    # `sam deploy` uploads each local file, too, and replaces its name with that of the object.
    packaged = template_for_ministack(code=f"s3://{name}/code.zip", definition=f"s3://{name}/sweep.asl.json")
    # The template is larger than the 51,200 bytes that CloudFormation takes as text.
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
    created = cloudformation.get_waiter("stack_create_complete")
    created.wait(StackName=name, WaiterConfig=POLLING)
    return Stack(name, client)


def zipped(bootstrap):
    """Returns a Lambda package of one executable file."""
    file = zipfile.ZipInfo("bootstrap")
    file.external_attr = 0o755 << 16
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(file, bootstrap)
    return package.getvalue()
