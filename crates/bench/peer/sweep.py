"""A sequential loop over all secrets, to compare the sweep with. Prints its result as JSON."""

import json
import time

import boto3


def sweep(secrets_manager):
    """Requests the missing replicas without waiting for them. Returns the numbers of secrets."""
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


def peak_memory_mib():
    # The maximum of getrusage includes the process that this one was forked from.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


client = boto3.client("secretsmanager")
started = time.monotonic()
seen, written = sweep(client)
seconds = time.monotonic() - started
result = {"seen": seen, "written": written, "seconds": seconds, "cpu_seconds": time.process_time()}
print(json.dumps(result | {"peak_memory_mib": peak_memory_mib()}))
