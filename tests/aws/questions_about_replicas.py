"""Questions about replication, removal, promotion and versions."""

import time

import cloud as aws
from asking import Unanswered, question

REMOVAL_SECONDS = 300
VERSION_SECONDS = 120
# A fresh replica is in sync within seconds.
POLL_SECONDS = 0.5


def states(probe, name, done, seconds):
    """Polls both Regions until `done`. Returns each state that differs from the one before, with its time."""
    start, found = time.monotonic(), []

    def poll():
        primary, replica = probe.cloud.describe(name), probe.cloud.describe(name, probe.target)
        row = aws.replica_rows(primary).get(probe.target, {})
        state = {
            "row": row.get("Status"),
            "message": row.get("StatusMessage"),
            "primary version": aws.versions(primary).get("AWSCURRENT"),
            "replica version": aws.versions(replica).get("AWSCURRENT"),
            "replica": None if replica is None else replica.get("PrimaryRegion", "standalone"),
        }
        if not found or found[-1]["state"] != state:
            found.append({"seconds": round(time.monotonic() - start, 2), "state": state})
        return done(state)

    try:
        probe.cloud.wait(poll, "the last state", seconds, POLL_SECONDS)
    except aws.TooLate:
        found.append({"seconds": round(time.monotonic() - start, 2), "state": "not reached"})
    return found


@question(
    "replica-without-value",
    "What does ReplicateSecretToRegions answer for a secret without a value, and what follows?",
    "The call is not refused (a provider's tests make it); the resulting status is unknown.",
)
def without_value(probe):
    name = probe.create("without-value", value=False)
    outcome = probe.replicate(name)
    if outcome.error:
        return f"refused: {outcome}", {"error": outcome.error}
    before = probe.final(name, seconds=60)
    probe.run.put_value("without-value")
    probe.steps.append("put_secret_value")
    in_sync = lambda state: caught_up(state) and state["row"] == "InSync"  # noqa: E731
    after = states(probe, name, in_sync, VERSION_SECONDS)
    observed = {"status without a value": before, "states after the value": after}
    return f"{before['status']} without a value; then {last_row(after)}", observed


def caught_up(state):
    return state["replica version"] is not None and state["replica version"] == state["primary version"]


def last_row(found):
    state = found[-1]["state"]
    return state["row"] if isinstance(state, dict) else state


@question(
    "replica-exists",
    "What does ReplicateSecretToRegions answer for a Region that has the replica already?",
    "Unknown: every known tool sends only the difference.",
)
def exists(probe):
    name = probe.replicated("exists")
    outcome = probe.replicate(name)
    rows = outcome.answer.get("ReplicationStatus", [])
    observed = {"error": outcome.error, "rows": rows, "afterwards": probe.final(name)}
    return f"{outcome}; {len(rows)} rows; afterwards {observed['afterwards']['status']}", observed


@question(
    "replica-versions",
    "Does a replica have the version IDs of its primary secret?",
    "One recorded pair shows the same ID; AWS documents nothing.",
)
def replica_versions(probe):
    name = probe.replicated("versions")
    probe.run.put_value("versions")
    states(probe, name, caught_up, VERSION_SECONDS)
    primary, replica = probe.cloud.describe(name), probe.cloud.describe(name, probe.target)
    of_primary, of_replica = primary.get("VersionIdsToStages"), (replica or {}).get("VersionIdsToStages")
    observed = {"primary": of_primary, "replica": of_replica}
    return ("yes" if of_primary == of_replica else "no"), observed


@question(
    "replica-retry",
    "Does a second call repair a replica that failed, once the cause is gone?",
    "Inferred from the console's button to retry a replication.",
)
def retry(probe):
    probe.create("retry", region=probe.target)
    name = probe.create("retry")
    first = probe.replicate(name)
    if first.error or probe.final(name)["status"] != "Failed":
        raise Unanswered(f"the first replication does not fail: {first}")
    probe.call(
        "delete_secret", probe.target, SecretId=name, ForceDeleteWithoutRecovery=True
    )
    free = lambda: probe.cloud.describe(name, probe.target) is None  # noqa: E731
    probe.cloud.wait(free, "the name is free", REMOVAL_SECONDS)
    second = probe.replicate(name)
    row = probe.final(name)
    return f"{second}; {row['status']}: {row['message']}", {"error": second.error, "row": row}


@question(
    "replica-tags",
    "When does a tag that is added to the primary secret reach the replica?",
    "Tags are replicated (documented); the time is unknown.",
)
def replica_tags(probe):
    name = probe.replicated("tags")
    probe.call("tag_resource", SecretId=name, Tags=[{"Key": "added-later", "Value": "yes"}])
    reached = lambda: "added-later" in aws.tags(probe.cloud.describe(name, probe.target) or {})  # noqa: E731
    try:
        seconds = probe.cloud.wait(reached, "the replica has the tag", VERSION_SECONDS, POLL_SECONDS)[1]
    except aws.TooLate as error:
        return f"not: {error}", {"seconds": None}
    return f"after {seconds} s", {"seconds": seconds, "states of the row": probe.row(name)}


@question(
    "last-changed-date",
    "Which changes set LastChangedDate of the primary secret?",
    "The sweep reads recently changed secrets; which changes count is unknown.",
)
def last_changed_date(probe):
    name, dates = probe.create("last-changed"), {}
    dates["created"] = probe.cloud.describe(name).get("LastChangedDate")
    probe.cloud.pause(2)
    tag, region = [{"Key": "added-later", "Value": "yes"}], [probe.target]
    probe.call("tag_resource", SecretId=name, Tags=tag)
    dates["tagged"] = probe.cloud.describe(name).get("LastChangedDate")
    probe.cloud.pause(2)
    probe.replicate(name)
    probe.final(name)
    dates["replicated"] = probe.cloud.describe(name).get("LastChangedDate")
    probe.cloud.pause(2)
    probe.call("remove_regions_from_replication", SecretId=name, RemoveReplicaRegions=region)
    dates["replica removed"] = probe.cloud.describe(name).get("LastChangedDate")
    steps = list(dates.items())
    changed = {
        what: date != before for (_, before), (what, date) in zip(steps, steps[1:], strict=False)
    }
    return f"{', '.join(what for what, is_new in changed.items() if is_new) or 'none'}", changed


@question(
    "removal-timing",
    "When does a removed replica disappear from the primary secret, and when from its Region?",
    "The row disappears at once (documented example); the replica lives on for 40 to 90 seconds (reported).",
)
def removal_timing(probe):
    name = probe.replicated("removal")
    outcome = probe.call(
        "remove_regions_from_replication", SecretId=name, RemoveReplicaRegions=[probe.target]
    )
    found = states(probe, name, lambda state: state["replica"] is None, REMOVAL_SECONDS)
    row = next((entry["seconds"] for entry in found if not isinstance(entry["state"], dict)
                or entry["state"]["row"] is None), None)
    observed = {"answer": outcome.answer.get("ReplicationStatus"), "states": found}
    return f"the row after {row} s, the replica after {found[-1]['seconds']} s", observed


@question(
    "promoted-without-overwrite",
    "What happens to a request for a Region in which the former replica was promoted?",
    "Failed with `is currently replicated to … with a different arn` (reported).",
)
def promoted_without_overwrite(probe):
    name, _ = promote(probe, "promoted")
    outcome = probe.replicate(name)
    row = probe.final(name) if not outcome.error else {"status": None, "message": None}
    return f"{outcome}; {row['status']}: {row['message']}", {"error": outcome.error, "row": row}


@question(
    "promoted-with-overwrite",
    "What does ForceOverwriteReplicaSecret do to a promoted former replica with a newer value?",
    "Unknown; the function assumes that it destroys the newer value and never sends it there.",
)
def promoted_with_overwrite(probe):
    name, newer = promote(probe, "overwritten")
    outcome = probe.replicate(name, overwrite=True)
    row = probe.final(name) if not outcome.error else {"status": None, "message": None}
    replica = probe.cloud.describe(name, probe.target)
    kept = aws.versions(replica).get("AWSCURRENT") == newer
    observed = {"error": outcome.error, "row": row, "newer version is current": kept}
    observed["replica has the primary Region"] = (replica or {}).get("PrimaryRegion")
    return f"the newer value is {'kept' if kept else 'lost'}; {outcome}; {row['status']}", observed


def promote(probe, label):
    """Promotes a replica and gives it a newer value. Returns the name and the ID of that version."""
    name = probe.replicated(label)
    outcome = probe.call("stop_replication_to_replica", probe.target, SecretId=name)
    if outcome.error:
        raise Unanswered(f"the replica cannot be promoted: {outcome}")
    standalone = lambda: aws.is_primary(probe.cloud.describe(name, probe.target), probe.target)  # noqa: E731
    probe.cloud.wait(standalone, "the replica is standalone", 60)
    return name, probe.run.put_value(label, probe.target)


@question(
    "versions-while-behind",
    "What do status and versions show while AWSCURRENT moves and the replica is behind?",
    "Whether a replica is called InSync before it has the current version is unknown.",
)
def versions_while_behind(probe):
    name = probe.replicated("behind")
    pending = probe.run.put_value("behind", VersionStages=["AWSPENDING"])
    old = aws.versions(probe.cloud.describe(name)).get("AWSCURRENT")
    moved = probe.call(
        "update_secret_version_stage", SecretId=name, VersionStage="AWSCURRENT",
        MoveToVersionId=pending, RemoveFromVersionId=old,
    )
    if moved.error:
        raise Unanswered(f"the label does not move: {moved}")
    # At once the next version, as a rotation that is followed by another one.
    probe.run.put_value("behind")
    found = states(probe, name, caught_up, VERSION_SECONDS)
    behind = [entry for entry in found if isinstance(entry["state"], dict) and not caught_up(entry["state"])]
    early = [entry for entry in behind if entry["state"]["row"] == "InSync"]
    answer = f"InSync while behind: {'yes' if early else 'not seen'}; current after {found[-1]['seconds']} s"
    return answer, {"states": found}


@question(
    "managed-secret",
    "Can a secret that another service manages be replicated?",
    "Unknown; the function skips managed secrets.",
)
def managed_secret(probe):
    if not probe.managed_secret:
        raise Unanswered("MANAGED_SECRET=… names none, and the probe changes no other secret of others")
    name = probe.managed_secret
    outcome = probe.replicate(name)
    if outcome.error:
        return f"refused: {outcome}", {"error": outcome.error}
    try:
        row = probe.final(name)
    finally:
        probe.call("remove_regions_from_replication", SecretId=name, RemoveReplicaRegions=[probe.target])
    return f"accepted; {row['status']}", {"row": row}
