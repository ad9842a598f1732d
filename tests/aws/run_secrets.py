"""The secrets of a run: how to find and delete them, replicas first."""

import cloud as aws
from run import MARKER

# A removed replica remains in its Region for 40 to 90 seconds (reported by users).
REPLICA_SECONDS = 300
DELETION_SECONDS = 60


def find(run):
    """Returns the secrets of the run as {(Region, name): description}, and the places of others' secrets.

    The name has the run's prefix and the secret has the run's tag. A secret without the tag is not the run's.
    """
    own, others = {}, []
    for region in run.cloud.regions:
        for name in sorted(run.noted("secret") | listed(run, region)):
            described = run.cloud.describe(name, region)
            if described is None:
                continue
            if aws.tags(described).get(MARKER) == run.name:
                own[region, name] = described
            else:
                others.append((region, name))
    return own, others


def listed(run, region):
    """Lists the names with the run's prefix. ListSecrets can be five minutes old."""
    prefix = f"{run.name}/"
    pages = run.cloud.secrets(region).get_paginator("list_secrets")
    filters = [{"Key": "name", "Values": [prefix]}]
    names = {
        row["Name"]
        for page in pages.paginate(IncludePlannedDeletion=True, Filters=filters)
        for row in page["SecretList"]
    }
    return {name for name in names if name.startswith(prefix)}


def delete(run, attempt, forced=False):
    """Deletes the secrets of the run. `attempt` calls a function, records its failure and returns its result.

    A primary that is deleted before its replica can leave the replica behind as a standalone secret (reported).
    So each primary waits until no replica remains. `forced` detaches the replicas instead of removing them.
    """
    own, _ = find(run)
    primaries = [place for place, secret in own.items() if aws.is_primary(secret, place[0])]
    take = detach_replicas if forced else remove_replicas
    taken = [
        place
        for place in primaries
        if attempt(f"remove the replicas of {place[1]}", lambda: take(run, place, own[place]))
    ]
    attempt("wait until no replica remains", lambda: wait_for_removal(run, taken))
    for place in taken:
        if not replicas(run, place):
            attempt(f"delete {place[1]} in {place[0]}", lambda: delete_one(run, place))
    for place in own.keys() - set(primaries):
        attempt(f"delete {place[1]} in {place[0]}", lambda: delete_stranded(run, place, own))


def remove_replicas(run, place, secret):
    """Requests the removal of all replicas. Returns True."""
    region, name = place
    regions = sorted(aws.replica_rows(secret))
    if regions:
        run.cloud.secrets(region).remove_regions_from_replication(
            SecretId=name, RemoveReplicaRegions=regions
        )
    return True


def detach_replicas(run, place, _):
    """Deletes the replicas in their Regions, where the primary secret cannot remove them. Returns True."""
    for region in replicas(run, place):
        detach(run, region, place[1])
    return True


def detach(run, region, name):
    """Makes a replica a standalone secret in its Region, and deletes it."""
    run.cloud.secrets(region).stop_replication_to_replica(SecretId=name)
    delete_one(run, (region, name))


def wait_for_removal(run, places):
    """Waits until no other Region has a replica of these primary secrets. All share one time."""
    left = list(places)

    def gone():
        left[:] = [place for place in left if replicas(run, place)]
        return not left

    run.cloud.wait(gone, f"{len(places)} secrets have no replica", REPLICA_SECONDS)


def replicas(run, place):
    """Returns the other Regions of the run that have a replica of this primary secret."""
    region, name = place
    others = [other for other in run.cloud.regions if other != region]
    return [other for other in others if is_replica_of(run.cloud.describe(name, other), region)]


def is_replica_of(secret, region):
    return secret is not None and secret.get("PrimaryRegion") == region


def delete_one(run, place):
    region, name = place
    run.cloud.secrets(region).delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    run.cloud.wait(lambda: run.cloud.describe(name, region) is None, f"{name} is gone", DELETION_SECONDS)


def delete_stranded(run, place, own):
    """Deletes a replica that has no primary secret any more."""
    region, name = place
    secret = run.cloud.describe(name, region)
    if secret is None or (secret.get("PrimaryRegion"), name) in own:
        return
    detach(run, region, name)


def command(region, name):
    return (
        f"aws secretsmanager delete-secret --region {region} --secret-id {name}"
        " --force-delete-without-recovery"
    )
