"""A loop over every secret, one after the other: the peer of the sweep. Prints what it took."""

import json
import time

import boto3


def sweep(secrets_manager):
    """Asks for the replicas that are missing, without waiting for them; answers the counts."""
    seen, written = 0, 0
    for page in secrets_manager.get_paginator("list_secrets").paginate():
        for listed in page["SecretList"]:
            seen += 1
            secret = secrets_manager.describe_secret(SecretId=listed["ARN"])
            tags = {tag["Key"]: tag["Value"] for tag in secret.get("Tags", [])}
            present = {replica["Region"] for replica in secret.get("ReplicationStatus", [])}
            wanted = tags.get("replicate-to", "").split()
            missing = [region for region in wanted if region not in present]
            if missing:
                secrets_manager.replicate_secret_to_regions(
                    SecretId=listed["ARN"],
                    AddReplicaRegions=[{"Region": region} for region in missing],
                )
                written += 1
    return seen, written


def peak_memory_kib():
    # Not getrusage: its maximum includes the process that this one was forked from.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


client = boto3.client("secretsmanager")
started = time.monotonic()
seen, written = sweep(client)
print(
    json.dumps(
        {
            "seen": seen,
            "written": written,
            "seconds": time.monotonic() - started,
            "peak_memory_kib": peak_memory_kib(),
        }
    )
)
