"""`secret-replicator doctor`, against stacks that ministack deploys.

Moto answers for CloudTrail and KMS, and this project's emulator for Secrets Manager.
"""

import json
import re
import subprocess
from contextlib import ExitStack, contextmanager

import pytest
from account import Account
from documents import blocks
from local_server import serving
from processes import CLI, TOOLS, environment, eventually
from stack import ACCOUNT
from werkzeug.wrappers import Response


class Doctor:
    """A deployed stack with its account, and `doctor` for it."""

    def __init__(self, stack, account, url):
        self.stack, self.account, self.url = stack, account, url

    def run(self, *options):
        return subprocess.run(
            [CLI, "doctor", "--stack-name", self.stack.name, "--region", "us-east-1"]
            + ["--endpoint-url", self.url, *options],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )

    def findings(self, *options):
        """Returns link, problem and remediation of each finding."""
        answer = self.run("--output", "json", *options)
        assert answer.returncode in (0, 2), answer.stderr
        report = json.loads(answer.stdout)
        assert report["healthy"] == (not report["findings"])
        return [(row["link"], row["problem"], row["remediation"]) for row in report["findings"]]

    def finding(self, *options):
        findings = self.findings(*options)
        assert len(findings) == 1, findings
        return findings[0]


@pytest.fixture(scope="module")
def moto(start_server):
    """The endpoint of a moto with the account of the stacks."""
    command = [TOOLS / "moto_server", "-H", "127.0.0.1", "-p", "{port}"]
    return start_server(*command, MOTO_ACCOUNT_ID=ACCOUNT)


ROLES = ("ReplicatorRole", "SweepRole", "SweepStartRole")


@pytest.fixture
def examine(deploy, ministack, moto, emulator, client):
    """Deploys a stack that has no fault, and returns `doctor` for it."""
    with ExitStack() as cleanup:

        def examine(logged=True, **parameters):
            stack = deploy(**parameters)
            subscribe(stack)
            account = Account(ministack, moto, emulator, client)
            account.statements = {stack.resources[role]: stack.statements(role) for role in ROLES}
            if logged:
                cleanup.enter_context(trail(client, moto, stack.name))
            return Doctor(stack, account, cleanup.enter_context(serving(account.respond)))

        yield examine


@pytest.fixture
def doctor(examine):
    """`doctor` for a stack of its own without a fault."""
    return examine()


def subscribe(stack):
    sqs = stack.client("sqs")
    queue = sqs.create_queue(QueueName=f"{stack.name}-operators")["QueueUrl"]
    [arn] = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"].values()
    stack.client("sns").subscribe(TopicArn=stack.outputs["AlarmTopicArn"], Protocol="sqs", Endpoint=arn)


@contextmanager
def trail(client, moto, name):
    cloudtrail, s3 = client("cloudtrail", moto), client("s3", moto)
    s3.create_bucket(Bucket=name)
    cloudtrail.create_trail(Name=name, S3BucketName=name)
    cloudtrail.start_logging(Name=name)
    try:
        yield
    finally:
        cloudtrail.delete_trail(Name=name)


@contextmanager
def secret_with_a_key(client, emulator, key, name):
    """A covered secret of the emulator with a customer managed key."""
    secrets = client("secretsmanager", emulator)
    tags = [{"Key": "replicate-to", "Value": "eu-west-1"}]
    secrets.create_secret(Name=name, SecretString="any", KmsKeyId=key, Tags=tags)
    try:
        yield
    finally:
        secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def replicate(client, moto, key):
    client("kms", moto).replicate_key(KeyId=key.rpartition("/")[2], ReplicaRegion="eu-west-1")


def multi_region_key(client, moto):
    """Returns the ARN of a multi-Region key that exists in us-east-1 only."""
    tags = [{"TagKey": "secret-replicator", "TagValue": "allowed"}]
    return client("kms", moto).create_key(MultiRegion=True, Tags=tags)["KeyMetadata"]["Arn"]


def test_a_stack_in_order_is_one_line(doctor):
    answer = doctor.run()

    assert answer.stdout == f"{doctor.stack.name} in us-east-1: every link is in order\n", answer.stderr
    assert answer.returncode == 0


def test_a_stack_that_does_not_exist(doctor):
    doctor.stack.name = "none"

    assert doctor.finding()[0] == "stack"


def test_a_rule_that_is_disabled_or_has_another_pattern_or_no_target(doctor):
    events = doctor.stack.client("events")
    name = doctor.stack.rule()
    events.disable_rule(Name=name)
    link, problem, remediation = doctor.finding()
    assert (link, name in remediation) == ("rule", True), problem

    events.enable_rule(Name=name)
    assert doctor.findings() == []
    pattern = events.describe_rule(Name=name)["EventPattern"]
    events.put_rule(Name=name, EventPattern='{"source": ["aws.tag"]}')
    link, problem, remediation = doctor.finding()
    assert (link, "not that of the template" in problem) == ("rule", True)
    [restored] = re.findall(r"--event-pattern '(.*)'", remediation)
    assert json.loads(restored) == json.loads(pattern)

    events.put_rule(Name=name, EventPattern=restored)
    assert doctor.findings() == []
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    events.remove_targets(Rule=name, Ids=[row["Id"] for row in targets])
    assert "not a target of the rule" in doctor.finding()[1]


def test_a_rule_that_may_not_invoke_the_function(doctor):
    function, name = doctor.stack.client("lambda"), doctor.stack.outputs["FunctionName"]
    policy = json.loads(function.get_policy(FunctionName=name)["Policy"])
    rule = doctor.stack.rule()
    [sid] = [row["Sid"] for row in policy["Statement"] if rule in json.dumps(row)]
    function.remove_permission(FunctionName=name, StatementId=sid)

    assert "does not allow the rule to invoke it" in doctor.finding()[1]


def test_a_function_that_is_stopped_has_a_wrong_setting_or_a_dry_run(doctor):
    function, name = doctor.stack.client("lambda"), doctor.stack.outputs["FunctionName"]
    function.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert "reserved concurrency is 0" in doctor.finding()[1]

    function.delete_function_concurrency(FunctionName=name)
    variables = doctor.stack.function()["Environment"]["Variables"]
    wrong = {"REPLICATION_POLICY": "version: 9"}
    for change, problem in [({"DRY_RUN": "true"}, "dry run is on"), (wrong, "REPLICATION_POLICY")]:
        environment = {"Variables": variables | change}
        function.update_function_configuration(FunctionName=name, Environment=environment)
        assert problem in doctor.finding()[1]


def test_a_trail_that_is_stopped_or_logs_no_writes(doctor, client, moto):
    cloudtrail = client("cloudtrail", moto)
    cloudtrail.stop_logging(Name=doctor.stack.name)
    assert "is stopped" in doctor.finding()[1]

    cloudtrail.start_logging(Name=doctor.stack.name)
    selectors = [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]
    cloudtrail.put_event_selectors(TrailName=doctor.stack.name, EventSelectors=selectors)
    assert "does not log write management events" in doctor.finding()[1]


def test_a_role_without_its_policy_is_one_finding(doctor):
    role = doctor.stack.resources["ReplicatorRole"]
    statements = doctor.account.statements[role]
    doctor.account.statements[role] = [row for row in statements if row["Sid"] != "ReplicateToAllowedRegions"]

    link, problem, _ = doctor.finding()
    assert link == "role"
    assert "may not call secretsmanager:ReplicateSecretToRegions for eu-west-1, us-west-2" in problem


def test_a_function_that_may_promote_but_whose_role_may_not(examine):
    doctor = examine(AllowPromotion="true")
    assert doctor.findings() == []
    role = doctor.stack.resources["ReplicatorRole"]
    statements = doctor.account.statements[role]
    doctor.account.statements[role] = [row for row in statements if row["Sid"] != "PromoteReplicas"]

    link, problem, _ = doctor.finding()
    assert link == "role"
    assert "may not call secretsmanager:StopReplicationToReplica for us-east-1" in problem


def test_messages_in_a_queue_with_their_first_error(doctor):
    queue = doctor.stack.outputs["FailedEventsQueueUrl"]
    body = {"responsePayload": {"errorType": "ReplicationFailed", "errorMessage": "prod/db in eu-west-1"}}
    doctor.stack.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(body))

    link, problem, _ = doctor.finding()
    assert (link, problem.rpartition("error: ")[2]) == ("queues", "ReplicationFailed: prod/db in eu-west-1")


def test_an_alarm_and_a_topic_without_subscription(doctor):
    alarm = doctor.stack.resources["DriftReturns"]
    cloudwatch = doctor.stack.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="six sweeps")
    assert doctor.finding()[:2] == ("alarms", "the alarm DriftReturns is in ALARM state: six sweeps")

    sns = doctor.stack.client("sns")
    topic = doctor.stack.outputs["AlarmTopicArn"]
    for row in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=row["SubscriptionArn"])
    assert [row[0] for row in doctor.findings()] == ["topic", "alarms"]


def test_a_schedule_that_is_disabled(examine):
    link, _, remediation = examine(SweepEnabled="false").finding()

    assert (link, remediation) == ("schedule", "deploy the stack with SweepEnabled=true")


def test_a_sweep_that_failed(doctor):
    sweep = doctor.stack.client("stepfunctions")
    machine = doctor.stack.outputs["SweepArn"]
    arn = sweep.start_execution(stateMachineArn=machine, input='{"dryrun": true}')["executionArn"]
    eventually(lambda: sweep.describe_execution(executionArn=arn)["status"] == "FAILED", "the sweep fails")

    link, problem, _ = doctor.finding()
    assert (link, "BadInput: unknown field dryrun" in problem) == ("sweep", True), problem


def test_a_key_that_a_region_lacks_or_that_is_disabled(examine, client, moto, emulator, name):
    home = multi_region_key(client, moto)
    there = home.replace("us-east-1", "eu-west-1")
    doctor = examine(KmsKeyArns=f"{home},{there}")
    with secret_with_a_key(client, emulator, home, name):
        link, problem, remediation = doctor.finding()
        assert (link, "replicate-key" in remediation) == ("keys", True), problem
        assert f"does not exist in eu-west-1; `{name}` needs it" in problem

        replicate(client, moto, home)
        assert doctor.findings() == []

        client("kms", moto, "eu-west-1").disable_key(KeyId=there.rpartition("/")[2])
        assert "is Disabled" in doctor.finding()[1]


def test_a_key_that_the_role_may_not_use(examine, client, moto, emulator, name):
    home = multi_region_key(client, moto)
    replicate(client, moto, home)
    with secret_with_a_key(client, emulator, home, name):
        link, problem, remediation = examine().finding()

    assert (link, "KmsKeyArns" in remediation) == ("role", True), problem
    assert "kms:Decrypt, kms:Encrypt, kms:GenerateDataKey" in problem


def test_a_deleted_queue_is_a_finding_that_names_it(examine):
    doctor = examine()
    url = doctor.stack.outputs["UnstartedSweepsQueueUrl"]
    doctor.stack.client("sqs").delete_queue(QueueUrl=url)

    link, problem, remediation = doctor.finding()

    assert (link, "UnstartedSweeps does not exist" in problem) == ("queues", True), problem
    assert "REVERT_DRIFT" in remediation


def test_a_denied_call_is_a_finding_that_names_the_action(doctor):
    doctor.account.answers["GetTopicAttributes"] = Response(
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
        403,
        content_type="text/xml",
    )
    link, _, remediation = doctor.finding()

    assert (link, "`sns:GetTopicAttributes`" in remediation) == ("topic", True)


def test_the_documented_policy_allows_the_calls_and_nothing_else(examine, client, moto, emulator, name):
    documented = blocks("docs/CLI.md", "json")
    [policy] = [json.loads(block) for block in documented if "iam:SimulatePrincipalPolicy" in block]
    allowed = {action for row in policy["Statement"] for action in row["Action"]}
    key = multi_region_key(client, moto)
    doctor = examine(logged=False, KmsKeyTagValue="allowed")
    stack = doctor.stack
    queue, topic = (stack.outputs[output] for output in ("FailedEventsQueueUrl", "AlarmTopicArn"))
    stack.client("sqs").send_message(QueueUrl=queue, MessageBody="{}")
    encryption = {"AttributeName": "KmsMasterKeyId", "AttributeValue": key}
    stack.client("sns").set_topic_attributes(TopicArn=topic, **encryption)
    sweep = stack.client("stepfunctions")
    arn = sweep.start_execution(stateMachineArn=stack.outputs["SweepArn"], input="[]")["executionArn"]
    eventually(lambda: sweep.describe_execution(executionArn=arn)["status"] == "FAILED", "the sweep fails")
    # Moto lists the trails of one Region only.
    listed = {"Trails": [{"Name": "audit", "HomeRegion": "eu-west-1"}]}
    answer = Response(json.dumps(listed), content_type="application/x-amz-json-1.1")
    doctor.account.answers["ListTrails"] = answer
    with secret_with_a_key(client, emulator, key, name):
        findings = doctor.findings()
        with trail(client, moto, stack.name):
            logged = doctor.findings()

    assert [row[0] for row in findings] == ["keys", "trail", "queues", "sweep", "topic"]
    assert "these log other Regions only: audit (eu-west-1)" in findings[1][1]
    assert [row[0] for row in logged] == ["keys", "queues", "sweep", "topic"]
    assert doctor.account.seen == allowed
