"""Questions about the texts with which AWS refuses a call or reports a failed replica."""

from asking import Unanswered, question

UNKNOWN_REGION = "xx-nowhere-1"
OTHER_PARTITION = {"aws": "cn-north-1", "aws-cn": "us-east-1", "aws-us-gov": "us-east-1"}


def after_request(probe, label, region=None, key=None):
    """Requests a replica. Returns the refusal or the final row, as a sentence and as data."""
    name = probe.create(label)
    outcome = probe.replicate(name, region, key)
    if outcome.error:
        return f"the call is refused: {outcome}", {"error": outcome.error}
    row = probe.final(name, region, seconds=90)
    return f"the call is accepted; {row['status']}: {row['message']}", {"row": row}


@question(
    "refusal-primary-region",
    "What does AWS answer if the list contains the primary Region?",
    "`InvalidParameterException: Invalid replica region.` (reported)",
)
def primary_region(probe):
    return after_request(probe, "primary-region", probe.home)


@question(
    "refusal-unknown-region",
    "What does AWS answer for a Region that does not exist?",
    "No evidence.",
)
def unknown_region(probe):
    return after_request(probe, "unknown-region", UNKNOWN_REGION)


@question(
    "refusal-other-partition",
    "What does AWS answer for a Region of another partition?",
    "Not possible; the text is unknown.",
)
def other_partition(probe):
    region = OTHER_PARTITION.get(probe.answers.partition or "aws", "us-east-1")
    return after_request(probe, "other-partition", region)


@question(
    "refusal-region-not-enabled",
    "Is a Region that the account has not enabled refused at once, or does the replica fail?",
    "Documented as a failed replica; a refusal is not excluded.",
)
def region_not_enabled(probe):
    found = probe.cloud.client("account").list_regions(RegionOptStatusContains=["DISABLED"])
    disabled = [row["RegionName"] for row in found.get("Regions", [])]
    if not disabled:
        raise Unanswered("the account has enabled every Region")
    return after_request(probe, "region-not-enabled", disabled[0])


@question(
    "refusal-name-taken",
    "What does AWS report if the Region has another secret of the name?",
    "`Failed`: `Replication failed: Secret name … already exists in region …` (documented)",
)
def name_taken(probe):
    probe.create("name-taken", region=probe.target)
    return after_request(probe, "name-taken")


@question(
    "refusal-missing-key",
    "What does AWS report for an alias that does not exist in the Region?",
    "`Alias … is not found.` or `The KMS key is disabled or not found` (documented)",
)
def missing_key(probe):
    return after_request(probe, "missing-key", key=f"alias/{probe.run.name}-missing")


@question(
    "refusal-on-a-replica",
    "What does AWS answer if the call is made in the Region of a replica?",
    "`InvalidParameterException: Operation not permitted on a replica secret. …` (reported)",
)
def on_a_replica(probe):
    name = probe.replicated("on-a-replica")
    row = {"Region": probe.home}
    outcome = probe.call(
        "replicate_secret_to_regions", probe.target, SecretId=name, AddReplicaRegions=[row]
    )
    return str(outcome), {"error": outcome.error}


@question(
    "refusal-delete-with-replicas",
    "What does AWS answer if a secret with replicas is deleted?",
    "`InvalidParameterException: You can't delete secret … that still has replica regions [a, b].` (reported)",
)
def delete_with_replicas(probe):
    name = probe.replicated("delete-with-replicas")
    outcome = probe.call("delete_secret", SecretId=name, RecoveryWindowInDays=7)
    return str(outcome), {"error": outcome.error}


@question(
    "refusal-scheduled-for-deletion",
    "What does AWS answer for a secret that is scheduled for deletion?",
    "`InvalidRequestException` (service model); the text is unknown.",
)
def scheduled_for_deletion(probe):
    name = probe.create("scheduled")
    probe.call("delete_secret", SecretId=name, RecoveryWindowInDays=7)
    described = probe.cloud.describe(name)
    outcome = probe.replicate(name)
    observed = {"error": outcome.error, "has DeletedDate": bool((described or {}).get("DeletedDate"))}
    return str(outcome), observed


@question(
    "refusal-page-token",
    "What does ListSecrets answer to a page token that it does not know?",
    "`InvalidNextTokenException` (service model)",
)
def page_token(probe):
    outcome = probe.call("list_secrets", NextToken="unknown")
    return str(outcome), {"error": outcome.error}


@question(
    "refusal-not-found",
    "What does AWS answer in the replica Region for a secret that does not exist?",
    "HTTP 400 `ResourceNotFoundException` (documented)",
)
def not_found(probe):
    outcome = probe.call("describe_secret", probe.target, SecretId=probe.run.secret_name("absent"))
    return str(outcome), {"error": outcome.error}
