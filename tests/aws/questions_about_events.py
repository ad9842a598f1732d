"""Questions about the events that AWS sends."""

from asking import Unanswered, question
from cloud import TooLate, versions

LABEL, TAG = "Secret Label Updated", "Tag Change on Resource"
SERVICE, CALL = "AWS Service Event via CloudTrail", "AWS API Call via CloudTrail"
# After the control event, the time for the event in question.
MORE_SECONDS = 60
RULE_SECONDS = 60


def prepare(probe):
    """Starts the capture and makes the changes whose events the questions await."""
    try:
        probe.capture.start()
    except Exception as error:
        probe.shared["no capture"] = f"events cannot be captured: {type(error).__name__}: {error}"
        probe.capture.queues = {}
        return
    # A new rule takes effect after some time (documented).
    probe.cloud.pause(RULE_SECONDS)
    make_changes(probe)


def make_changes(probe):
    """Makes the changes of the controls first: if their events arrive, the rule was in effect for the others."""
    run, name = probe.run, probe.run.secret_name
    for label, region in (("events/changed", probe.home), ("events/control", probe.target)):
        run.create(label, region=region)
        probe.shared[label] = run.put_value(label, region)
        probe.cloud.secrets(region).tag_resource(
            SecretId=name(label), Tags=[{"Key": "added-later", "Value": "yes"}]
        )
    probe.cloud.pause(RULE_SECONDS)
    run.create("events/created")
    run.create("events/replicated", AddReplicaRegions=[{"Region": probe.target}])


def control(probe, kind, label="events/changed", region=None, check=lambda event: True):
    """Waits for the event that is known to be sent. Without it, the absence of another proves nothing."""
    if reason := probe.shared.get("no capture"):
        raise Unanswered(reason)
    name, region = probe.run.secret_name(label), region or probe.home

    def arrived():
        return [event for event in probe.capture.about(name, kind, region) if check(event)]

    try:
        found, _ = probe.cloud.wait(arrived, kind, probe.event_seconds_left())
    except TooLate as error:
        raise Unanswered(f"the control event did not arrive: {kind}") from error
    return found


def arrives(probe, label, kind, region=None, check=lambda event: True):
    """Returns the events in question, after some more time."""
    name, region = probe.run.secret_name(label), region or probe.home
    probe.steps.append(f"await {kind} about {name} in {region}")
    for _ in range(MORE_SECONDS // 10):
        found = [event for event in probe.capture.about(name, kind, region) if check(event)]
        if found:
            return found
        probe.cloud.pause(10)
    return []


@question(
    "event-tags-at-creation",
    "Do tags that are given to CreateSecret raise a tag event?",
    "`Tag Change on Resource` is sent for any change to a tag; for tags at creation there is no evidence.",
)
def tags_at_creation(probe):
    known = control(probe, TAG)
    found = arrives(probe, "events/created", TAG)
    types = sorted({type(event["detail"].get("version")).__name__ for event in known})
    resource_types = sorted({str(event["detail"].get("resource-type")) for event in known})
    observed = {"events": len(found), "resource-type": resource_types, "version": types}
    return ("yes" if found else "no") + f"; resource-type {resource_types}", observed


@question(
    "event-first-version",
    "Does the first version of a new secret raise a label event?",
    "That the first version of a new secret sends `Secret Label Updated` is inferred.",
)
def first_version(probe):
    second = probe.shared.get("events/changed")
    control(probe, LABEL, check=lambda event: event["detail"].get("versionId") == second)
    found = arrives(probe, "events/created", LABEL)
    current = versions(probe.cloud.describe(probe.run.secret_name("events/created"))).get("AWSCURRENT")
    named = [event["detail"].get("versionId") == current for event in found]
    return ("yes" if found else "no"), {"events": len(found), "names the version": named}


@question(
    "event-replica-region",
    "Do label and tag events of replicas arrive in the replica Region?",
    "A stack in the Region of a replica receives label and tag events of replicas as well (inferred).",
)
def replica_region(probe):
    for kind in (LABEL, TAG):
        control(probe, kind, "events/control", probe.target)
    observed = {
        kind: len(arrives(probe, "events/replicated", kind, probe.target)) for kind in (LABEL, TAG)
    }
    sent = [kind for kind, count in observed.items() if count]
    return f"in the replica Region: {sent or 'none'}", observed


@question(
    "event-service-events",
    "Which service events does a replication raise, with which names and members?",
    "Names that begin with Replication are listed by the user guide; names and bodies were not seen.",
)
def service_events(probe):
    # CloudTrail delivers API calls and service events. Without a trail, none of them arrives.
    control(probe, CALL)
    found = [
        (region, event["detail"]) for region, _, event in probe.capture.events
        if event.get("detail-type") == SERVICE
    ]
    observed = {
        f"{detail.get('eventName')} in {region}": sorted(detail) for region, detail in found
    }
    return f"names: {sorted({str(detail.get('eventName')) for _, detail in found}) or 'none'}", observed
