"""The optional trail and its bucket, as the template defines them: no emulator deploys trails."""

from template import TEMPLATE

RESOURCES = TEMPLATE["Resources"]
TRAIL = RESOURCES["Trail"]["Properties"]
BUCKET = RESOURCES["TrailBucket"]["Properties"]
STATEMENTS = RESOURCES["TrailBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]


def test_the_trail_is_optional_and_records_what_the_rule_needs():
    conditions = {name: row["Condition"] for name, row in RESOURCES.items() if name.startswith("Trail")}
    [selector] = TRAIL["EventSelectors"]

    assert conditions == dict.fromkeys(["Trail", "TrailBucket", "TrailBucketPolicy"], "CreatesTrail")
    assert TEMPLATE["Parameters"]["CreateTrail"]["Default"] == "false"
    assert TRAIL["IsLogging"] is True
    assert (selector["ReadWriteType"], selector["IncludeManagementEvents"]) == ("WriteOnly", True)
    assert "DataResources" not in selector
    assert "secretsmanager.amazonaws.com" not in selector["ExcludeManagementEventSources"]


def test_the_trail_starts_after_the_policy_of_its_bucket_and_its_files_can_be_verified():
    assert RESOURCES["Trail"]["DependsOn"] == "TrailBucketPolicy"
    assert TRAIL["EnableLogFileValidation"] is True


def test_the_policy_of_the_trails_bucket_names_the_trail():
    allowed = [row for row in STATEMENTS if row["Effect"] == "Allow"]

    assert [row["Action"] for row in allowed] == ["s3:GetBucketAcl", "s3:PutObject"]
    for row in allowed:
        arn = row["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::Sub"]
        assert arn.endswith(f":trail/{TRAIL['TrailName']['Fn::Sub']}")


def test_the_bucket_of_the_trail_is_closed_and_encrypted():
    # Checkov skips a bucket that has a condition.
    assert set(BUCKET["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(BUCKET["PublicAccessBlockConfiguration"]) == 4
    assert BUCKET["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    [encryption] = BUCKET["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert BUCKET["VersioningConfiguration"] == {"Status": "Enabled"}
    [expiry] = BUCKET["LifecycleConfiguration"]["Rules"]
    assert expiry["ExpirationInDays"] == {"Ref": "LogRetentionDays"}


def test_the_bucket_denies_requests_without_tls():
    [denied] = [row for row in STATEMENTS if row["Effect"] == "Deny"]

    assert (denied["Principal"], denied["Action"]) == ("*", "s3:*")
    assert denied["Resource"] == [
        {"Fn::GetAtt": ["TrailBucket", "Arn"]},
        {"Fn::Sub": "${TrailBucket.Arn}/*"},
    ]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
