"""What the template becomes once it is deployed: roles, schedule and queues.

Ministack deploys it, with a CloudFormation and an evaluation of IAM policies that are not ours.
"""

import json
import re
import subprocess
import tomllib
import uuid

import pytest
from botocore.exceptions import ClientError
from cfnlint.api import lint_all

from processes import eventually
from stack import ACCOUNT
from sweep import Sweep
from template import ROOT, TEMPLATE

SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app-AbCdEf"
REPLICA = SECRET.replace("us-east-1", "eu-west-1")
DESCRIBE = "secretsmanager:DescribeSecret"
REPLICATE = "secretsmanager:ReplicateSecretToRegions"
REMOVE = "secretsmanager:RemoveRegionsFromReplication"


@pytest.fixture(scope="module")
def cautious(deploy):
    """The stack with its default parameters."""
    return deploy()


@pytest.fixture(scope="module")
def permissive(deploy):
    return deploy(AllowOverwrite="true", AllowRemoval="true")


@pytest.fixture(params=["cautious", "permissive"])
def either(request):
    return request.getfixturevalue(request.param)


def replicates(stack, *regions, force=None):
    request = {"secretsmanager:addreplicaregions": list(regions)} if regions else {}
    if force is not None:
        request["secretsmanager:forceoverwritereplicasecret"] = force
    return stack.allows("ReplicatorRole", REPLICATE, SECRET, **request)


def test_the_function_reads_secrets_in_its_own_region_and_in_allowed_ones(either):
    assert either.allows("ReplicatorRole", DESCRIBE, SECRET, region="us-east-1")
    assert either.allows("ReplicatorRole", DESCRIBE, REPLICA, region="eu-west-1")
    elsewhere = SECRET.replace("us-east-1", "eu-north-1")
    assert not either.allows("ReplicatorRole", DESCRIBE, elsewhere, region="eu-north-1")


def test_the_function_lists_secrets_in_its_own_region_only(either):
    assert either.allows("ReplicatorRole", "secretsmanager:ListSecrets", "*", region="us-east-1")
    assert not either.allows(
        "ReplicatorRole", "secretsmanager:ListSecrets", "*", region="eu-west-1"
    )


def test_the_function_replicates_to_allowed_regions_only(either):
    assert replicates(either, "eu-west-1", "us-west-2")
    assert not replicates(either, "eu-west-1", "eu-north-1")
    assert not replicates(either)


def test_the_function_replicates_no_secret_of_another_region(either):
    request = {"secretsmanager:addreplicaregions": ["us-west-2"]}

    assert not either.allows("ReplicatorRole", REPLICATE, REPLICA, region="eu-west-1", **request)


def test_the_function_overwrites_only_if_the_stack_allows_it(cautious, permissive):
    assert replicates(cautious, "eu-west-1", force="false")
    assert not replicates(cautious, "eu-west-1", force="true")
    assert replicates(permissive, "eu-west-1", force="true")
    assert not replicates(permissive, "eu-north-1", force="true")


def test_the_function_removes_replicas_only_if_the_stack_allows_it(cautious, permissive):
    assert not cautious.allows("ReplicatorRole", REMOVE, SECRET)
    assert permissive.allows("ReplicatorRole", REMOVE, SECRET)
    assert not permissive.allows("ReplicatorRole", REMOVE, REPLICA, region="eu-west-1")


@pytest.mark.parametrize(
    "action",
    [
        "GetSecretValue",
        "BatchGetSecretValue",
        "PutSecretValue",
        "UpdateSecret",
        "DeleteSecret",
        "StopReplicationToReplica",
        "TagResource",
    ],
)
def test_the_function_can_never_read_a_value_or_change_a_secret(action, either):
    for secret, region in [(SECRET, "us-east-1"), (REPLICA, "eu-west-1")]:
        assert not either.allows("ReplicatorRole", f"secretsmanager:{action}", secret, region)


def test_the_function_writes_its_own_log_and_no_other(either):
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{either.outputs['LogGroupName']}"

    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        assert either.allows("ReplicatorRole", action, f"{group}:log-stream:any")
        assert not either.allows("ReplicatorRole", action, f"{group}-other:log-stream:any")
    assert not either.allows("ReplicatorRole", "logs:CreateLogGroup", group)


def test_a_key_is_used_only_if_the_stack_names_it_and_only_by_secrets_manager(deploy, cautious):
    elsewhere = KEY.replace("us-east-1", "eu-west-1")
    stack = deploy(KmsKeyArns=f"{KEY},{elsewhere}")

    def uses(action, key, region, service="secretsmanager", stack=stack):
        via = {"kms:viaservice": f"{service}.{region}.amazonaws.com"}
        return stack.allows("ReplicatorRole", f"kms:{action}", key, region, **via)

    assert uses("Decrypt", KEY, "us-east-1")
    assert uses("GenerateDataKey", elsewhere, "eu-west-1")
    assert uses("Encrypt", elsewhere, "eu-west-1")
    # Only primary secrets are decrypted.
    assert not uses("Decrypt", elsewhere, "eu-west-1")
    for action in ("Decrypt", "GenerateDataKey", "Encrypt"):
        assert not uses(action, KEY.replace("1111", "2222"), "us-east-1")
        assert not uses(action, KEY, "us-east-1", service="s3")
        assert not uses(action, KEY, "us-east-1", stack=cautious)
        assert not stack.allows("ReplicatorRole", f"kms:{action}", KEY)
    for action in ("CreateGrant", "PutKeyPolicy", "ReEncryptFrom", "Sign"):
        assert not uses(action, KEY, "us-east-1")


def test_the_sweep_invokes_the_function_and_looks_for_other_sweeps_and_no_more(cautious):
    client, sweep = cautious.client, cautious.outputs["SweepArn"]
    function = client("lambda").get_function_configuration(
        FunctionName=cautious.outputs["FunctionName"]
    )["FunctionArn"]

    assert cautious.allows("SweepRole", "lambda:InvokeFunction", function)
    assert not cautious.allows("SweepRole", "lambda:InvokeFunction", f"{function}-other")
    assert cautious.allows("SweepRole", "states:ListExecutions", sweep)
    assert not cautious.allows("SweepRole", "states:ListExecutions", f"{sweep}-other")
    assert not cautious.allows("SweepRole", "states:StartExecution", sweep)
    assert not cautious.allows("SweepRole", DESCRIBE, SECRET)


def test_services_of_this_account_only_take_on_the_roles_of_the_sweep():
    for role, service in [("SweepRole", "states"), ("SweepStartRole", "scheduler")]:
        [statement] = RESOURCES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]

        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
        account = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert statement["Condition"] == {"StringEquals": account}


# What parliament finds and is no mistake.
ACCEPTED = {
    # It knows the format of a map's executions only; those of a state machine are listed by its ARN.
    ("SweepRole", "RESOURCE_MISMATCH", "states:ListExecutions"),
}


def test_an_independent_linter_finds_no_mistake_in_the_policies(deploy, parliament):
    stack = deploy(
        AllowOverwrite="true", AllowRemoval="true", KmsKeyArns=KEY, OnSuccessTopicArn=TOPIC
    )
    found = set()
    for role in ("ReplicatorRole", "SweepRole", "SweepStartRole"):
        for policy in stack.policies(role):
            found |= {(role, *finding) for finding in findings(parliament, policy)}

    assert found == ACCEPTED


def findings(parliament, policy):
    done = subprocess.run(
        [parliament, "--json", "--minimum_severity", "LOW"],
        input=json.dumps(policy),
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr
    for line in done.stdout.splitlines():
        finding = json.loads(line)
        actions = [row["action"] for row in finding["detail"] or [] if isinstance(row, dict)]
        yield finding["issue"], " ".join(actions)


def test_the_linter_finds_a_mistake(parliament):
    statement = {"Effect": "Allow", "Action": "secretsmanager:DescribeSecrets", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}

    assert ("UNKNOWN_ACTION", "") in set(findings(parliament, policy))


def test_the_definition_is_amazon_states_language(cautious):
    resource = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/any",
            "DefinitionString": json.dumps(Sweep.of(cautious).definition),
        },
    }

    assert lint_all(json.dumps({"Resources": {"Sweep": resource}})) == []


def test_what_sam_adds_to_the_template_is_named_like_no_parameter(cautious):
    parameters = cautious.client("cloudformation").describe_stacks(StackName=cautious.name)
    parameters = parameters["Stacks"][0]["Parameters"]

    assert not cautious.resources.keys() & {row["ParameterKey"] for row in parameters}


def schedule(stack):
    return stack.client("scheduler").get_schedule(Name=stack.resources["SweepStart"])


def test_a_sweep_starts_every_hour(cautious):
    hourly = schedule(cautious)

    assert (hourly["State"], hourly["ScheduleExpression"]) == ("ENABLED", "rate(1 hour)")
    assert hourly["FlexibleTimeWindow"]["Mode"] == "FLEXIBLE"
    assert hourly["Target"]["Arn"] == cautious.outputs["SweepArn"]
    # A real sweep, with the parameter's limit.
    assert json.loads(hourly["Target"]["Input"]) == {}
    assert cautious.allows("SweepStartRole", "states:StartExecution", cautious.outputs["SweepArn"])


def test_a_sweep_that_the_schedule_cannot_start_ends_in_a_queue(cautious):
    target = schedule(cautious)["Target"]
    queue = cautious.client("sqs").get_queue_attributes(
        QueueUrl=cautious.outputs["UnstartedSweepsQueueUrl"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]

    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 3600
    assert target["DeadLetterConfig"]["Arn"] == queue
    assert cautious.allows("SweepStartRole", "sqs:SendMessage", queue)


def test_the_schedule_can_be_another_one_or_none(deploy):
    stack = deploy(SweepSchedule="cron(0 3 * * ? *)", SweepEnabled="false")
    nightly = schedule(stack)

    assert (nightly["State"], nightly["ScheduleExpression"]) == ("DISABLED", "cron(0 3 * * ? *)")


def test_the_sweep_writes_its_failures_to_a_log_group_of_its_own():
    # Ministack takes this part of the template and does not show it.
    sweep = TEMPLATE["Resources"]["Sweep"]["Properties"]

    assert sweep["Logging"]["Level"] == "ERROR"
    assert sweep["Logging"]["Destinations"] == [
        {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": "SweepLogGroup.Arn"}}}
    ]


def test_the_sweep_is_a_standard_workflow(cautious):
    described = cautious.client("stepfunctions").describe_state_machine(
        stateMachineArn=cautious.outputs["SweepArn"]
    )

    # An express one ends after five minutes, and nothing lists its executions.
    assert described["type"] == "STANDARD"


def test_the_parameters_of_the_sweep_reach_the_function(deploy):
    stack = deploy(AllowOverwrite="true", AllowRemoval="true", SweepWritesPerSecond="5")
    variables = stack.client("lambda").get_function_configuration(
        FunctionName=stack.outputs["FunctionName"]
    )["Environment"]["Variables"]

    assert variables["ALLOW_OVERWRITE"] == "true"
    assert variables["ALLOW_REMOVAL"] == "true"
    assert variables["SWEEP_WRITES_PER_SECOND"] == "5"


# The options.

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:records"
BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/records"


@pytest.fixture(scope="module")
def optional(deploy):
    """The stack with whatever is optional."""
    return deploy(
        AlarmEmail="on-call@example.com",
        LogKmsKeyArn=KEY,
        OnSuccessTopicArn=TOPIC,
        PermissionsBoundaryArn=BOUNDARY,
        ReservedConcurrency="7",
    )


def processed(stack):
    """The resources as SAM makes them. Ministack takes some of their properties and shows them nowhere."""
    template = stack.client("cloudformation").get_template(
        StackName=stack.name, TemplateStage="Processed"
    )["TemplateBody"]
    return (json.loads(template) if isinstance(template, str) else template)["Resources"]


def only_if(condition, parameter):
    return {"Fn::If": [condition, {"Ref": parameter}, {"Ref": "AWS::NoValue"}]}


def test_every_role_has_the_boundary_if_there_is_one(optional):
    roles = [row for row in processed(optional).values() if row["Type"] == "AWS::IAM::Role"]

    assert len(roles) == 3
    for role in roles:
        boundary = role["Properties"]["PermissionsBoundary"]
        assert boundary == only_if("RolesHaveABoundary", "PermissionsBoundaryArn")


def log_groups(stack):
    described = stack.client("logs").describe_log_groups()["logGroups"]
    names = {stack.outputs["LogGroupName"], stack.outputs["SweepLogGroupName"]}
    return [group for group in described if group["logGroupName"] in names]


def test_the_logs_have_a_key_if_there_is_one(optional, cautious):
    assert [group.get("kmsKeyId") for group in log_groups(optional)] == [KEY, KEY]
    assert [group.get("kmsKeyId") for group in log_groups(cautious)] == [None, None]
    assert [group["retentionInDays"] for group in log_groups(cautious)] == [90, 90]


def test_concurrency_is_reserved_only_if_a_number_says_so(optional):
    reserved = processed(optional)["Replicator"]["Properties"]["ReservedConcurrentExecutions"]

    assert reserved == only_if("ConcurrencyIsReserved", "ReservedConcurrency")


def destinations(stack):
    config = stack.client("lambda").get_function_event_invoke_config(
        FunctionName=stack.outputs["FunctionName"], Qualifier="$LATEST"
    )
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (2, 21600)
    found = config["DestinationConfig"]
    return {name: row["Destination"] for name, row in found.items() if row}


def queue_arn(stack, output):
    return stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs[output], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]


def test_an_event_that_fails_goes_to_the_failure_queue(either):
    failed = queue_arn(either, "FailedEventsQueueUrl")

    assert destinations(either) == {"OnFailure": failed}
    assert either.allows("ReplicatorRole", "sqs:SendMessage", failed)
    assert not either.allows("ReplicatorRole", "sqs:SendMessage", f"{failed}-other")


def test_a_topic_gets_the_records_of_success_if_there_is_one(optional, cautious):
    assert destinations(optional)["OnSuccess"] == TOPIC
    assert optional.allows("ReplicatorRole", "sns:Publish", TOPIC)
    assert not optional.allows("ReplicatorRole", "events:PutEvents", BUS)
    assert not cautious.allows("ReplicatorRole", "sns:Publish", TOPIC)


def test_an_event_bus_gets_the_records_of_success_if_there_is_one(deploy):
    stack = deploy(OnSuccessEventBusArn=BUS)

    assert destinations(stack)["OnSuccess"] == BUS
    assert stack.allows("ReplicatorRole", "events:PutEvents", BUS)
    assert not stack.allows("ReplicatorRole", "sns:Publish", TOPIC)


def test_the_function_is_traced(cautious):
    function = cautious.client("lambda").get_function_configuration(
        FunctionName=cautious.outputs["FunctionName"]
    )

    assert function["TracingConfig"]["Mode"] == "Active"


def test_a_deleted_stack_leaves_its_logs_and_the_next_one_can_have_its_name(deploy):
    name = f"again-{uuid.uuid4().hex}"
    first = deploy(name=name)
    cloudformation = first.client("cloudformation")
    assert len(log_groups(first)) == 2

    cloudformation.delete_stack(StackName=name)
    eventually(lambda: not is_there(cloudformation, name), "the stack is gone")
    assert len(log_groups(first)) == 2
    listed = first.client("sqs").list_queues().get("QueueUrls", [])
    assert not [url for url in listed if f"/{name}-" in url]
    first.client("s3").delete_object(Bucket=name, Key="code.zip")
    first.client("s3").delete_object(Bucket=name, Key="template.yaml")
    first.client("s3").delete_bucket(Bucket=name)
    second = deploy(name=name)

    assert len(log_groups(second)) == 2
    assert first.outputs["LogGroupName"] != second.outputs["LogGroupName"]


def is_there(cloudformation, name):
    try:
        described = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError:
        return False
    return described[0]["StackStatus"] != "DELETE_COMPLETE"


RESOURCES = TEMPLATE["Resources"]


def test_whatever_holds_data_has_an_explicit_fate():
    fates = {
        name: (row.get("DeletionPolicy"), row.get("UpdateReplacePolicy"))
        for name, row in RESOURCES.items()
        if row["Type"] in ("AWS::SQS::Queue", "AWS::Logs::LogGroup", "AWS::S3::Bucket")
    }
    kept, dropped = ("RetainExceptOnCreate", "Retain"), ("Delete", "Delete")

    assert fates == {
        "LogGroup": kept,
        "SweepLogGroup": kept,
        "TrailBucket": kept,
        "FailedEvents": dropped,
        "UndeliveredEvents": dropped,
        "UnstartedSweeps": dropped,
    }


def test_the_trail_is_optional_and_records_what_the_rule_needs():
    # Ministack and moto create no trails from a template.
    parts = {name: row for name, row in RESOURCES.items() if name.startswith("Trail")}
    trail = parts["Trail"]["Properties"]
    [selector] = trail["EventSelectors"]

    assert len(parts) == 3
    assert {row["Condition"] for row in parts.values()} == {"StackHasATrail"}
    assert TEMPLATE["Parameters"]["CreateTrail"]["Default"] == "false"
    assert trail["IsLogging"] is True
    assert (selector["ReadWriteType"], selector["IncludeManagementEvents"]) == ("WriteOnly", True)
    assert "DataResources" not in selector
    assert "secretsmanager.amazonaws.com" not in selector["ExcludeManagementEventSources"]


def test_the_policy_of_the_trails_bucket_names_the_trail():
    name = RESOURCES["Trail"]["Properties"]["TrailName"]["Fn::Sub"]
    statements = RESOURCES["TrailBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = [row for row in statements if row["Effect"] == "Allow"]

    assert [row["Action"] for row in allowed] == ["s3:GetBucketAcl", "s3:PutObject"]
    for row in allowed:
        arn = row["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::Sub"]
        assert arn.endswith(f":trail/{name}")


PARAMETERS = TEMPLATE["Parameters"]


def test_every_parameter_has_its_group_label_and_description():
    interface = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]

    assert sorted(grouped) == sorted(PARAMETERS)
    assert interface["ParameterLabels"].keys() == PARAMETERS.keys()
    assert all(parameter["Description"] for parameter in PARAMETERS.values())
    assert "Default" not in PARAMETERS["AllowedReplicaRegions"]


BOUNDS = {"AllowedPattern", "AllowedValues", "MinValue"}


def test_every_parameter_is_bounded():
    free = {name for name, parameter in PARAMETERS.items() if not BOUNDS & parameter.keys()}

    # The function checks it, and says what is wrong with line and column.
    assert free == {"ReplicationPolicy"}


@pytest.mark.parametrize(
    "name, good, bad",
    [
        ("AllowedReplicaRegions", ["eu-west-1", "us-gov-east-1"], ["eu-west", "EU-WEST-1", ""]),
        ("AlarmEmail", ["", "on-call@example.com"], ["on-call", "a b@c"]),
        ("LogKmsKeyArn", ["", KEY], ["alias/logs", KEY.replace(":key/", ":alias/")]),
        ("KmsKeyArns", ["", KEY], ["alias/logs", KEY.replace(":key/", ":alias/")]),
        ("PermissionsBoundaryArn", ["", BOUNDARY], ["boundary"]),
        ("ReservedConcurrency", ["", "1", "1000"], ["0", "-1", "many"]),
        ("OnSuccessTopicArn", ["", TOPIC], [BUS, "records"]),
        ("OnSuccessEventBusArn", ["", BUS], [TOPIC, "records"]),
        ("MetricsNamespace", ["SecretReplicator", "Team/Secrets"], ["", '"', "a b"]),
        ("SweepSchedule", ["rate(1 hour)", "cron(0 3 * * ? *)"], ["1 hour", "rate()"]),
    ],
)
def test_a_parameter_takes_what_makes_sense(name, good, bad):
    pattern = re.compile(PARAMETERS[name]["AllowedPattern"])

    assert all(pattern.search(value) for value in good)
    assert not any(pattern.search(value) for value in bad)


def test_the_application_is_described_for_the_serverless_application_repository():
    application = TEMPLATE["Metadata"]["AWS::ServerlessRepo::Application"]
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    package = cargo["workspace"]["package"]

    assert application["Name"] == cargo["package"]["name"]
    assert application["SpdxLicenseId"] == package["license"]
    assert application["SemanticVersion"] == package["version"]
    assert (ROOT / application["LicenseUrl"]).is_file()
    assert (ROOT / application["ReadmeUrl"]).is_file()
    assert len(application["Description"]) <= 256
