"""Deletes what tests make in a Secrets Manager that others use after them."""

from processes import eventually


def delete(secrets, *names):
    """Deletes those secrets of a Region that are there, with their replicas."""

    def replicas(name):
        try:
            described = secrets.describe_secret(SecretId=name)
        except secrets.exceptions.ResourceNotFoundException:
            return []
        # One that is scheduled for deletion has no replicas, or it could not be.
        return [row["Region"] for row in described.get("ReplicationStatus", [])]

    for name in names:
        if regions := replicas(name):
            secrets.remove_regions_from_replication(SecretId=name, RemoveReplicaRegions=regions)
    for name in names:
        eventually(lambda: not replicas(name), f"the replicas of {name} are gone")
        # Without recovery, the deletion of what is not there is no error.
        secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
