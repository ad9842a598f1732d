"""The optional trail and its bucket, as they stand in the template: nothing local makes trails from one."""

from template import TEMPLATE

RESOURCES = TEMPLATE["Resources"]


def test_the_trail_is_optional_and_records_what_the_rule_needs():
    parts = {name: row for name, row in RESOURCES.items() if name.startswith("Trail")}
    trail = parts["Trail"]["Properties"]
    [selector] = trail["EventSelectors"]

    assert len(parts) == 3
    assert {row["Condition"] for row in parts.values()} == {"CreatesTrail"}
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


def test_the_bucket_of_the_trail_is_closed_and_encrypted():
    # Checkov looks at no bucket that has a condition.
    buckets = [row for row in RESOURCES.values() if row["Type"] == "AWS::S3::Bucket"]
    assert len(buckets) == 1

    properties = buckets[0]["Properties"]
    assert properties["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    [rule] = properties["OwnershipControls"]["Rules"]
    assert rule == {"ObjectOwnership": "BucketOwnerEnforced"}
    [encryption] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    [expiry] = properties["LifecycleConfiguration"]["Rules"]
    assert expiry["ExpirationInDays"] == {"Ref": "LogRetentionDays"}


def test_nobody_reaches_the_bucket_without_tls():
    statements = RESOURCES["TrailBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    [denied] = [row for row in statements if row["Effect"] == "Deny"]

    assert (denied["Principal"], denied["Action"]) == ("*", "s3:*")
    assert denied["Resource"] == [
        {"Fn::GetAtt": "TrailBucket.Arn"},
        {"Fn::Sub": "${TrailBucket.Arn}/*"},
    ]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_trail_starts_after_the_policy_of_its_bucket_and_its_files_can_be_verified():
    assert RESOURCES["Trail"]["DependsOn"] == "TrailBucketPolicy"
    assert RESOURCES["Trail"]["Properties"]["EnableLogFileValidation"] is True
