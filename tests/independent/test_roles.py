"""The calls that the template's roles allow and deny.

Ministack deploys the roles and evaluates their policies. `check_permissions.py` compares the roles with the
calls that the test suite makes.
"""

import json
import subprocess

import pytest

from stack import ACCOUNT, KEY, TOPIC
from template import TEMPLATE

SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app-AbCdEf"
REPLICA = SECRET.replace("us-east-1", "eu-west-1")
DESCRIBE = "secretsmanager:DescribeSecret"
REPLICATE = "secretsmanager:ReplicateSecretToRegions"
REMOVE = "secretsmanager:RemoveRegionsFromReplication"
PROMOTE = "secretsmanager:StopReplicationToReplica"


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


def test_the_function_lists_secrets_in_its_own_region_and_in_allowed_ones(either):
    listing = "secretsmanager:ListSecrets"
    assert either.allows("ReplicatorRole", listing, "*", region="us-east-1")
    assert either.allows("ReplicatorRole", listing, "*", region="eu-west-1")
    assert not either.allows("ReplicatorRole", listing, "*", region="eu-north-1")


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


def test_the_function_promotes_replicas_of_its_own_region_only_if_the_stack_allows_it(cautious, permissive):
    def promotes(stack, secret, region, **request):
        return stack.allows("ReplicatorRole", PROMOTE, secret, region, **request)

    of_ireland = {"secretsmanager:secretprimaryregion": "eu-west-1"}
    of_own_region = {"secretsmanager:secretprimaryregion": "us-east-1"}

    assert promotes(permissive, SECRET, "us-east-1", **of_ireland)
    assert not promotes(cautious, SECRET, "us-east-1", **of_ireland)
    # A primary secret with replicas, and a secret that was never replicated.
    assert not promotes(permissive, SECRET, "us-east-1", **of_own_region)
    assert not promotes(permissive, SECRET, "us-east-1")
    # A replica in another Region.
    assert not promotes(permissive, REPLICA, "eu-west-1", **of_own_region)
    assert not promotes(permissive, REPLICA, "eu-west-1", **of_ireland)


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
    last = KEY.replace("us-east-1", "us-west-2")
    outside = KEY.replace("us-east-1", "eu-north-1")
    stack = deploy(KmsKeyArns=f"{KEY},{elsewhere},{last},{outside}")

    def uses(action, key, region, service="secretsmanager", stack=stack, domain="amazonaws.com"):
        via = {"kms:viaservice": f"{service}.{region}.{domain}"}
        return stack.allows("ReplicatorRole", f"kms:{action}", key, region, **via)

    assert uses("Decrypt", KEY, "us-east-1")
    assert uses("GenerateDataKey", elsewhere, "eu-west-1")
    assert uses("Encrypt", elsewhere, "eu-west-1")
    for action in ("GenerateDataKey", "Encrypt"):
        assert uses(action, KEY, "us-east-1")
        assert uses(action, last, "us-west-2")
        assert not uses(action, outside, "eu-north-1")
    # KMS names the service in the domain of the partition.
    for action, key, region in [("Decrypt", KEY, "us-east-1"), ("Encrypt", elsewhere, "eu-west-1")]:
        assert uses(action, key, region, domain="amazonaws.com.cn")
    # Secrets Manager decrypts primary secrets only.
    assert not uses("Decrypt", elsewhere, "eu-west-1")
    for action in ("Decrypt", "GenerateDataKey", "Encrypt"):
        assert not uses(action, KEY.replace("1111", "2222"), "us-east-1")
        assert not uses(action, KEY, "us-east-1", service="s3")
        assert not uses(action, KEY, "us-east-1", stack=cautious)
        assert not stack.allows("ReplicatorRole", f"kms:{action}", KEY)
    for action in ("CreateGrant", "PutKeyPolicy", "ReEncryptFrom", "Sign"):
        assert not uses(action, KEY, "us-east-1")


def test_a_key_with_the_tag_is_used_only_in_this_account_and_only_by_secrets_manager(deploy, cautious):
    stack = deploy(KmsKeyTagValue="allowed")
    tagged = {"aws:resourcetag/secret-replicator": "allowed"}

    def uses(action, region, stack=stack, service="secretsmanager", account=ACCOUNT, **tags):
        key = KEY.replace("us-east-1", region).replace(ACCOUNT, account)
        via = {"kms:viaservice": f"{service}.{region}.amazonaws.com"}
        return stack.allows("ReplicatorRole", f"kms:{action}", key, region, **via, **tags)

    used = [("Decrypt", "us-east-1"), ("GenerateDataKey", "eu-west-1"), ("Encrypt", "us-west-2")]
    for action, region in used:
        assert uses(action, region, **tagged)
        assert not uses(action, region)
        assert not uses(action, region, **{"aws:resourcetag/secret-replicator": "other"})
        assert not uses(action, region, **{"aws:resourcetag/other": "allowed"})
        assert not uses(action, region, service="s3", **tagged)
        assert not uses(action, region, account="999999999999", **tagged)
        assert not uses(action, region, stack=cautious, **tagged)
    assert not uses("Decrypt", "eu-west-1", **tagged)
    assert not uses("Encrypt", "eu-north-1", **tagged)
    for action in ("CreateGrant", "PutKeyPolicy", "TagResource"):
        assert not uses(action, "us-east-1", **tagged)


@pytest.mark.parametrize(
    "keys, regions",
    [(38, [f"ap-southeast-{number}" for number in range(1, 17)]), (49, ["us-west-2"])],
)
def test_as_many_keys_fit_as_the_deployment_guide_says(keys, regions, deploy):
    # Many Regions with long names, and two with short names.
    regional = [KEY.replace("us-east-1", region) for region in ["us-east-1", *regions][-2:]]
    stack = deploy(
        AllowRemoval="true",
        AllowPromotion="true",
        AllowedReplicaRegions=",".join(regions),
        KmsKeyArns=",".join((regional * keys)[:keys]),
        OnSuccessTopicArn=TOPIC,
    )
    [policy] = stack.policies("ReplicatorRole")

    # IAM counts the characters of a role's inline policies without white space.
    assert len("".join(json.dumps(policy).split())) <= 10_240


def test_only_services_of_this_account_assume_the_roles_of_the_sweep():
    for role, service in [("SweepRole", "states"), ("SweepStartRole", "scheduler")]:
        [statement] = TEMPLATE["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]

        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
        account = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert statement["Condition"] == {"StringEquals": account}


# False positives of parliament.
ACCEPTED = {
    # It knows ListExecutions for the executions of a map only, not for those of a state machine.
    ("SweepRole", "RESOURCE_MISMATCH", "states:ListExecutions"),
}


def test_an_independent_linter_finds_no_mistake_in_the_policies(deploy, parliament):
    stack = deploy(
        AllowOverwrite="true",
        AllowRemoval="true",
        AllowPromotion="true",
        KmsKeyArns=KEY,
        KmsKeyTagValue="allowed",
        OnSuccessTopicArn=TOPIC,
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
