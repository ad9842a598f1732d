"""A short replication function in Python, to compare the function with.

It has no policy, metrics, record or error handling.
"""

import time

import boto3

# One client for all events, outside of the handler, as AWS recommends.
SECRETS_MANAGER = boto3.client("secretsmanager")


def handle(event, context):
    return replicate(SECRETS_MANAGER, event["detail"]["responseElements"]["arn"])


def replicate(secrets_manager, secret_id):
    """Replicates a secret to the Regions in its tag, and waits until the replicas are in sync."""
    secret = secrets_manager.describe_secret(SecretId=secret_id)
    tags = {tag["Key"]: tag["Value"] for tag in secret.get("Tags", [])}
    wanted = tags.get("replicate-to", "").split()
    present = {replica["Region"] for replica in secret.get("ReplicationStatus", [])}
    missing = [region for region in wanted if region not in present]
    if not missing:
        return {"outcome": "unchanged"}
    replicas = secrets_manager.replicate_secret_to_regions(
        SecretId=secret_id, AddReplicaRegions=[{"Region": region} for region in missing]
    )["ReplicationStatus"]
    while any(replica["Status"] == "InProgress" for replica in replicas):
        time.sleep(0.25)
        secret = secrets_manager.describe_secret(SecretId=secret_id)
        replicas = secret["ReplicationStatus"]
    return {"outcome": "replicated", "regions": missing}
