"""Compares the permissions in docs/deployment-policy.json with those that CloudFormation needs.

The schemas of the resource types, which cfn-lint contains, list the permissions of each handler.
CloudFormation calls the services with the permissions of the principal that deploys.
"""

import json
import re
import subprocess

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from stack import ACCOUNT, Request, allows, processed
from template import ROOT, TEMPLATE

PAGE = "docs/deployment-policy.json"
STATEMENTS = json.loads((ROOT / PAGE).read_text())["Statement"]

# The ARN of a resource of each service.
RESOURCES = {
    "cloudtrail": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/secret-replicator-trail",
    "cloudwatch": f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:secret-replicator-SweepFailed-EXAMPLE",
    "events": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/secret-replicator-ReplicatorSecretChanged-EXAMPLE",
    "iam": f"arn:aws:iam::{ACCOUNT}:role/secret-replicator-ReplicatorRole-EXAMPLE",
    "lambda": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:secret-replicator-Replicator-EXAMPLE",
    "logs": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/secret-replicator-1a2b3c4d",
    "s3": "arn:aws:s3:::secret-replicator-trailbucket-example",
    "scheduler": f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/secret-replicator-SweepStart-EXAMPLE",
    "sns": f"arn:aws:sns:us-east-1:{ACCOUNT}:secret-replicator-AlarmTopic-EXAMPLE",
    "sqs": f"arn:aws:sqs:us-east-1:{ACCOUNT}:secret-replicator-FailedEvents-EXAMPLE",
    "states": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:secret-replicator-sweep",
}
# Only properties that the template does not have need these: networks, file systems, code signing,
# organization trails, further configurations of buckets and log groups, keys for code and definition.
UNUSED = [
    r"(ec2|elasticfilesystem|firehose|kms|organizations|s3files|s3tables):.*",
    r"iam:CreateServiceLinkedRole",
    r"lambda:(GetCodeSigningConfig|(Put|Delete)FunctionCodeSigningConfig|PublishVersion)",
    r"lambda:(PassCapacityProvider|Put(FunctionRecursion|FunctionScaling|RuntimeManagement)Config)",
    r"sns:PutDataProtectionPolicy",
    r"s3:(REST.*|GetObjectVersion|DeleteObject)",
    r"s3:DeleteBucket(Analytics|Cors|Encryption|Lifecycle|Meta|Metrics|Repl|Website)\w*",
    r"s3:(Put|Update|Create)Bucket(Abac|Acl|CORS|Logging|Metadata|Notification|ObjectLock|Replic|Website)\w*",
    r"s3:Put(Object|Accelerate|Analytics|Inventory|IntelligentTiering|Metrics|Replication)\w*",
    r"logs:(PutBearerTokenAuthentication|PutLogGroupDeletionProtection|CreateLogDelivery)",
    r"logs:(Put(DataProtection|Index|Resource)|DeleteIndex|DeleteResource)Policy",
    r"cloudtrail:Put(EventConfiguration|InsightSelectors)",
    r"events:(Put|Remove)Permission",
]
FAILURE_BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/secret-replicator-failures"
# CloudFormation reads the package of the function from the bucket of SAM.
PACKAGE = "arn:aws:s3:::aws-sam-cli-managed-default-example/package"
LAYER = f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:secret-replicator-policy:1"
PASSED = {"lambda.amazonaws.com", "states.amazonaws.com", "scheduler.amazonaws.com"}
# Newer than the linter, or of a form that it does not know.
ACCEPTED = {
    "Unknown action lambda:GetFunctionScalingConfig",
    "Unknown action cloudtrail:GetEventConfiguration",
    "Unknown action s3:GetBucketAbac",
    # The transform of AWS has the account "aws".
    "Account expected to be of form like 123456789012",
}


@pytest.fixture(scope="module")
def types(cautious):
    """The types of the stack's resources, with those that SAM makes and those that conditions exclude. AWS has no
    handler of the custom resource."""
    made = {row["Type"] for row in processed(cautious).values()}
    written = {row["Type"] for row in TEMPLATE["Resources"].values()}
    return {name for name in made | written if not name.startswith(("AWS::Serverless::", "Custom::"))}


@pytest.fixture(scope="module")
def handled(types):
    """The permissions of the handlers of each type that create, read, update and delete a resource."""
    found = {}
    for name in types:
        handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema["handlers"]
        rows = [handlers.get(kind, {}) for kind in ("create", "read", "update", "delete")]
        # IAM ignores the case of a service's prefix.
        words = [word.split(":") for row in rows for word in row.get("permissions", [])]
        found[name] = {f"{service.lower()}:{action}" for service, action in words}
    # CloudFormation invokes the function of a custom resource with the permissions of the deployment.
    return found | {"Custom::PolicyCheck": {"lambda:InvokeFunction"}}


def is_unused(action):
    return any(re.fullmatch(pattern, action) for pattern in UNUSED)


def is_allowed(action, service="lambda.amazonaws.com"):
    others = {"s3:GetObject": PACKAGE, "lambda:GetLayerVersion": LAYER}
    resource = others.get(action) or RESOURCES[action.partition(":")[0]]
    if action.endswith("EventBus"):
        resource = FAILURE_BUS
    context = (("iam:passedtoservice", service),)
    return any(allows(STATEMENTS, Request(action, each, context=context)) for each in (resource, "*"))


def test_the_policy_allows_what_every_resource_type_of_the_stack_needs(handled):
    assert len(handled) >= 15
    for name, actions in handled.items():
        needed = {action for action in actions if not is_unused(action)}
        assert needed, name
        assert {action for action in needed if not is_allowed(action)} == set(), name


def test_the_policy_allows_nothing_else_on_the_resources_of_the_stack(handled):
    needed = {action for actions in handled.values() for action in actions if not is_unused(action)}
    of_others = {"Stacks", "SamTransform", "Packages"}
    given = {
        action
        for row in STATEMENTS
        if row["Sid"] not in of_others
        for action in ([row["Action"]] if isinstance(row["Action"], str) else row["Action"])
    }

    assert given - needed == set()
    assert not any("*" in action for action in given)
    every = {action for actions in handled.values() for action in actions}
    assert [pattern for pattern in UNUSED if not any(re.fullmatch(pattern, each) for each in every)] == []


def test_the_policy_reaches_no_resource_of_others():
    for service, resource in [*RESOURCES.items(), ("events", FAILURE_BUS)]:
        other = resource.replace("secret-replicator-", "other-").replace("/secret-replicator", "/other")
        for row in STATEMENTS:
            actions = [row["Action"]] if isinstance(row["Action"], str) else row["Action"]
            if row["Resource"] == "*":
                continue
            for action in actions:
                if action.startswith(f"{service}:"):
                    assert not allows(STATEMENTS, Request(action, other)), (action, other)


def test_roles_are_passed_only_to_the_services_of_the_stack():
    assert all(is_allowed("iam:PassRole", service=service) for service in PASSED)
    assert not is_allowed("iam:PassRole", service="ec2.amazonaws.com")
    roles = [row for row in TEMPLATE["Resources"].values() if row["Type"] == "AWS::IAM::Role"]
    trusted = {
        statement["Principal"]["Service"]
        for role in roles
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    }

    assert trusted == PASSED


def test_the_policy_has_no_mistake_and_fits_a_role(parliament):
    text = (ROOT / PAGE).read_text()
    done = subprocess.run([parliament, "--json"], input=text, capture_output=True, text=True)

    assert {json.loads(line)["detail"] for line in done.stdout.splitlines()} == ACCEPTED
    # IAM counts the characters of a role's inline policies without white space.
    assert len("".join(text.split())) <= 10_240
