"""The README's story against a deployed stack, one step each."""

import time

import cloud as aws
import run_secrets
from steps import expect, step

# Events that CloudTrail delivers arrive up to a few minutes after the call.
EVENT_SECONDS = 420
VALUE_SECONDS = 120
# How long the run watches a secret that must not be replicated.
QUIET_SECONDS = 30
REMOVAL_SECONDS = 300
LATE_EVENT_SECONDS = 300
# ListSecrets can be five minutes old (documented).
LIST_SECONDS = 600
TAG = "replicate-to"


class Story:
    """The run, its stack, and the events of a server that sends none."""

    def __init__(self, run, stack, sends_events, alarm_minutes):
        self.run = run
        self.cloud = run.cloud
        self.stack = stack
        self.sends_events = sends_events
        self.alarm_minutes = alarm_minutes
        self.alarm_deadline = None
        self.home, self.target = run.cloud.regions

    def alarm_seconds_left(self):
        """Returns the unscaled seconds that remain for alarms. All share one time, from the first call."""
        if self.alarm_deadline is None:
            self.alarm_deadline = time.monotonic() + self.alarm_minutes * 60 * self.cloud.scale
        return max(self.alarm_deadline - time.monotonic(), 0) / self.cloud.scale

    def listed(self, *labels):
        """Waits until ListSecrets shows secrets, because a sweep processes what it shows."""
        names = {self.run.secret_name(label) for label in labels}
        shown = lambda: names <= run_secrets.listed(self.run, self.home)  # noqa: E731
        self.cloud.wait(shown, f"ListSecrets shows {sorted(names)}", LIST_SECONDS)

    def created(self, label, arn):
        """Sends the event of a first value, if the server sends none."""
        self.changed("Secret Label Updated", arn, {"name": label, "labelUpdated": "AWSCURRENT"})

    def tagged(self, arn):
        detail = {"service": "secretsmanager", "resource-type": "secret", "changed-tag-keys": [TAG]}
        self.changed("Tag Change on Resource", arn, detail)

    def changed(self, kind, arn, detail):
        if not self.sends_events:
            return
        account, now = arn.split(":")[4], "2026-01-01T00:00:00Z"
        source = "aws.tag" if kind.startswith("Tag") else "aws.secretsmanager"
        event = {"version": "0", "id": "11111111-2222-3333-4444-555555555555", "source": source}
        event |= {"account": account, "region": self.home, "time": now, "resources": [arn]}
        self.stack.send(event | {"detail-type": kind, "detail": detail})

    def replica(self, label):
        """Returns the row of the replica, or an empty row."""
        secret = self.cloud.describe(self.run.secret_name(label))
        return aws.replica_rows(secret).get(self.target, {})

    def current(self, label, region):
        """Returns the ID of the current version in a Region, or None."""
        return aws.versions(self.cloud.describe(self.run.secret_name(label), region)).get("AWSCURRENT")

    def replicated(self, label, seconds=EVENT_SECONDS):
        """Waits until the replica is in sync and has the current version. Returns the seconds."""

        def in_sync():
            current = self.current(label, self.home)
            is_current = current is not None and self.current(label, self.target) == current
            return is_current and self.replica(label).get("Status") == "InSync"

        what = f"{label} is in sync in {self.target} with the current version"
        return self.cloud.wait(in_sync, what, seconds)[1]

    def not_replicated(self, label):
        """Watches a secret that must have no replica."""
        self.cloud.pause(QUIET_SECONDS)
        expect(self.replica(label) == {}, f"{label} has a replica: {self.replica(label)}")
        in_target = self.cloud.describe(self.run.secret_name(label), self.target)
        expect(in_target is None, f"{label} exists in {self.target}")

    def record(self, label, outcome, seconds=EVENT_SECONDS):
        """Waits for a record of a secret with this outcome."""
        name = self.run.secret_name(label)

        def found():
            rows = self.stack.records("secret_name", name)
            return [row for row in rows if row["outcome"] == outcome]

        rows, _ = self.cloud.wait(found, f"a record of {name} says {outcome}", seconds)
        return rows[-1]

    def remove_replica(self, label):
        """Removes a replica as an operator does, and waits until it is gone."""
        name = self.run.secret_name(label)
        self.cloud.secrets().remove_regions_from_replication(
            SecretId=name, RemoveReplicaRegions=[self.target]
        )
        gone = lambda: self.cloud.describe(name, self.target) is None  # noqa: E731
        self.cloud.wait(gone, f"{name} is gone in {self.target}", REMOVAL_SECONDS)


@step("a secret that is created with the tag is replicated")
def created_with_tag(story):
    arn = story.run.create("tagged", tags={TAG: story.target})
    story.created("tagged", arn)
    seconds = story.replicated("tagged")
    record = story.record("tagged", "replicated")
    return f"in sync after {seconds} s, trigger {record['trigger']}"


@step("a secret without a value is replicated when it gets one")
def value_later(story):
    arn = story.run.create("value-later", tags={TAG: story.target}, value=False)
    story.not_replicated("value-later")
    story.run.put_value("value-later")
    story.created("value-later", arn)
    return f"in sync {story.replicated('value-later')} s after the value"


@step("a secret that gets the tag later is replicated")
def tagged_later(story):
    arn = story.run.create("tagged-later")
    story.created("tagged-later", arn)
    story.not_replicated("tagged-later")
    story.cloud.secrets().tag_resource(
        SecretId=story.run.secret_name("tagged-later"), Tags=[{"Key": TAG, "Value": story.target}]
    )
    story.tagged(arn)
    return f"in sync {story.replicated('tagged-later')} s after the tag"


@step("a new value reaches the replica")
def new_value(story):
    version = story.run.put_value("tagged")
    seconds = story.replicated("tagged", VALUE_SECONDS)
    expect(story.current("tagged", story.target) == version, "the replica has another version")
    return f"the replica has the version after {seconds} s"


@step("a Region that is not allowed is refused")
def refused_region(story):
    arn = story.run.create("refused", tags={TAG: other_region(story)})
    story.created("refused", arn)
    record = story.record("refused", "refused")
    [row] = record["replicas"]
    expect(row["reason"] == "region-not-allowed", f"the reason is {row['reason']}")
    expect(story.replica("refused") == {}, "the secret has a replica")
    return f"{row['region']}: {row['reason']}"


def other_region(story):
    """Returns a Region that every account has and that the stack does not allow."""
    choices = ("us-east-1", "us-west-2", "eu-west-1")
    return next(region for region in choices if region not in story.cloud.regions)


@step("a dry run of the sweep reports a missing replica and changes nothing")
def dry_run(story):
    story.listed("tagged", "value-later", "tagged-later", "refused")
    if not story.sends_events:
        # CloudTrail delivers some events minutes after the call. A late one would restore the replica.
        story.cloud.pause(LATE_EVENT_SECONDS)
    for label in ("tagged", "tagged-later"):
        story.remove_replica(label)
    status, output = story.stack.sweep({"dryRun": True, "thorough": True})
    expect(status == "SUCCEEDED", f"{status}: {output}")
    expect(output["dry_run"] is True and output["planned"] == 2, f"the totals are {output}")
    # The policy names the run's prefix: no other secret of the account is covered.
    expect(output["covered"] == 4, f"the sweep covers {output['covered']} secrets, not the run's four")
    expect(story.replica("tagged") == {}, "the dry run replicated")
    return f"covered {output['covered']}, planned {output['planned']}"


@step("a sweep with a limit makes one change and leaves the rest")
def limited_sweep(story):
    status, output = story.stack.sweep({"maxChanges": 1, "thorough": True})
    expect(status == "SUCCEEDED", f"{status}: {output}")
    expect((output["changes"], output["limited"]) == (1, 1), f"the totals are {output}")
    return f"changes {output['changes']}, limited {output['limited']}"


@step("a sweep through the state machine restores the replicas")
def sweep(story):
    status, output = story.stack.sweep({"thorough": True})
    expect(status == "SUCCEEDED", f"{status}: {output}")
    seconds = [story.replicated(label) for label in ("tagged", "tagged-later")]
    return f"changes {output['changes']}, in sync after {max(seconds)} s more"
