"""The probe against the three local servers, and its file of answers.

The answers of local servers say nothing about AWS. These tests check that the probe runs to its end, that its
file is valid, and that nothing in it identifies an account.
"""

import copy
import dataclasses
import json
import re
import signal
import sys
import uuid

import pytest

import aws_runs
from aws_runs import Run
from template import ROOT

sys.path.append(str(ROOT / "tests/aws"))

import answers  # noqa: E402
from scrub import Scrubber, Unclean, refuse_if_unclean  # noqa: E402

# The servers, with the factor for all waiting times. The first two replicate at once, and the probe awaits events
# that do not arrive. The emulator takes a second to replicate.
SERVERS = {"moto": 0.02, "ministack_secrets": 0.02, "emulator": 0.06}
ACCOUNT = "210987654321"


@pytest.fixture(scope="module")
def start(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("probes")

    def start(server, command="probe", name=None, *options):
        name = name or f"sr-probe-{uuid.uuid4().hex[:10]}"
        endpoint = request.getfixturevalue(server)
        return Run(directory, command, name, endpoint, "--scale", SERVERS[server], *options)

    return start


@pytest.fixture(scope="module")
def probes(start):
    """A run against each server, all at once."""
    runs = {server: start(server) for server in SERVERS}
    for run in runs.values():
        run.end()
    return runs


@pytest.fixture(params=SERVERS)
def probe(request, probes):
    return probes[request.param]


def answers_of(run):
    path = run.directory / f"{run.name}-answers.json"
    assert path.exists(), run.output
    return answers.read(path)


def asked():
    """Returns the ids of all questions in the source."""
    files = (ROOT / "tests/aws").glob("questions_about_*.py")
    return [
        name for file in files for name in re.findall(r'^@question\(\n    "(.*?)",$', file.read_text(), re.M)
    ]


def test_every_question_is_answered_or_says_why_not(probe):
    found = answers_of(probe)

    assert sorted(answer.id for answer in found.answers) == sorted(asked())
    assert len(found.answers) >= 25
    for answer in found.answers:
        assert answer.question.endswith("?") and answer.fact
        assert "Traceback" not in answer.reason and "\n" not in answer.reason
        assert answer.answer or answer.reason
    # Answers of a local server must never be taken for those of AWS.
    assert (found.server, found.partition) == ("local", "")


def test_the_questions_that_the_emulator_can_answer_are_answered(probes):
    found = {answer.id: answer for answer in answers_of(probes["emulator"]).answers}

    unanswered = {name for name, answer in found.items() if answer.status == "unanswered"}
    assert {name for name in unanswered if not name.startswith(("event-", "key-"))} <= {
        "managed-secret",
        "refusal-region-not-enabled",
        "versions-while-behind",
    }
    assert found["replica-without-value"].answer == "InProgress without a value; then InSync"
    assert found["removal-timing"].observed["states"][-1]["state"]["replica"] is None
    assert found["promoted-with-overwrite"].observed["newer version is current"] is False
    assert found["replica-versions"].answer == "yes"


def test_without_the_control_event_nothing_is_said_about_an_event(probes):
    found = {answer.id: answer for answer in answers_of(probes["moto"]).answers}

    for name in ("event-tags-at-creation", "event-first-version", "event-replica-region"):
        assert found[name].status == "unanswered"
        assert "the control event did not arrive" in found[name].reason


def test_an_event_that_arrives_is_captured_and_its_sample_is_scrubbed(probes):
    # Ministack sends label events, and none for the first version.
    found = answers_of(probes["ministack_secrets"])
    [first] = [answer for answer in found.answers if answer.id == "event-first-version"]
    [event] = [row for row in found.events if row["region"] == "primary"]

    assert (first.answer, first.observed["events"]) == ("no", 0)
    assert event["detail-type"] == "Secret Label Updated"
    assert event["sample"]["account"] == "<account>"
    assert event["sample"]["detail"]["versionId"].startswith("<id-")


@pytest.mark.parametrize("server", ["moto", "emulator"])
def test_a_probe_leaves_nothing_behind(server, probes, client, request):
    run, endpoint = probes[server], request.getfixturevalue(server)

    assert run.process.returncode == 0, run.output
    assert "Nothing of the run remains." in run.report
    assert aws_runs.secrets_of(run.name, client, endpoint) == []


def test_the_keys_of_a_probe_are_scheduled_for_deletion(probes, client, moto):
    answered = {answer.id: answer.status for answer in answers_of(probes["moto"]).answers}
    assert answered["key-disabled-replica"] == "answered"

    for region in (aws_runs.HOME, aws_runs.TARGET):
        kms = client("kms", moto, region)
        found = [kms.describe_key(KeyId=row["KeyId"])["KeyMetadata"] for row in kms.list_keys()["Keys"]]
        own = [key for key in found if probes["moto"].name in key["Description"]]
        assert own
        assert {key["KeyState"] for key in own} <= {"PendingDeletion", "PendingReplicaDeletion"}


def test_what_cannot_be_deleted_is_named_with_its_command(probes, client, ministack_secrets):
    # Ministack implements neither the removal nor the promotion of a replica.
    run = probes["ministack_secrets"]
    remaining = aws_runs.secrets_of(run.name, client, ministack_secrets)

    assert run.process.returncode == 1
    assert remaining
    for region, name in remaining:
        assert f"delete-secret --region {region} --secret-id {name} " in run.report
    # Without replicas, the secret is deleted.
    assert f"{run.name}/events/created" not in run.report


def test_a_killed_probe_is_cleaned_up_by_its_name_alone(start, client, emulator):
    killed = start("emulator", "probe")

    def has_replica():
        return len({region for region, _ in aws_runs.secrets_of(killed.name, client, emulator)}) == 2

    aws_runs.stop_when(killed, signal.SIGKILL, has_replica, "the probe has a replica")
    killed.end()
    assert aws_runs.secrets_of(killed.name, client, emulator) != []
    # As on another machine.
    (killed.directory / f"{killed.name}.jsonl").unlink()
    secrets = client("secretsmanager", emulator, aws_runs.HOME)
    foreign = f"{killed.name}/without-the-tag"
    secrets.create_secret(Name=foreign, SecretString="of another owner")

    cleaned = start("emulator", "clean", killed.name)

    assert cleaned.end() == 0, cleaned.output
    assert aws_runs.secrets_of(killed.name, client, emulator) == [(aws_runs.HOME, foreign)]
    assert f"Not created by this run (no tag), left alone: secret {foreign}" in cleaned.output
    secrets.delete_secret(SecretId=foreign, ForceDeleteWithoutRecovery=True)


def test_the_file_names_no_account_and_no_value(probe):
    text = (probe.directory / f"{probe.name}-answers.json").read_text()

    refuse_if_unclean(text)
    assert re.search(r"(?<!\d)\d{12}(?!\d)", text) is None
    # ARNs occur, so the test sees that they are scrubbed.
    assert ":<account>:" in text or "arn:aws" not in text


IDENTIFYING = [
    ACCOUNT,
    f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:app-AbCdEf",
    f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: kms:Decrypt",
    f"User: arn:aws:sts::{ACCOUNT}:assumed-role/admin/alice@example.com is not authorized",
    "User: alice is not authorized",
    "AKIAIOSFODNN7EXAMPLE",
    "AROACKCEVSQ6C2EXAMPLE:alice",
    "contact alice@example.com",
    "from 203.0.113.7 and 2001:db8:85a3:8d3:1319:8a2e:370:7348",
    f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/queue",
    "key mrk-1234abcd12ab34cd56ef1234567890ab",
    "version 11111111-2222-3333-4444-555555555555",
    "the value is s3cr3t-of-the-run",
]
VALUES = {"s3cr3t-of-the-run"}
LEAKS = (ACCOUNT, "alice", "AKIA", "AROA", "203.0", "2001:", "mrk-", "11111111", "s3cr3t")


@pytest.mark.parametrize("text", IDENTIFYING)
def test_the_scrubber_removes_what_identifies(text):
    for data in (text, {text: text}, [text], {"deep": [{"er": text}]}):
        scrubbed = json.dumps(Scrubber(VALUES).scrubbed(data))

        assert not [leak for leak in LEAKS if leak in scrubbed], scrubbed
        refuse_if_unclean(scrubbed, VALUES)


@pytest.mark.parametrize("text", [text for text in IDENTIFYING if text != "User: alice is not authorized"])
def test_a_file_that_still_identifies_is_refused(text):
    with pytest.raises(Unclean) as raised:
        refuse_if_unclean(json.dumps({"steps": [text]}), VALUES)

    assert not [leak for leak in LEAKS if leak in str(raised.value)]


@pytest.mark.parametrize("sample", sorted((ROOT / "events").rglob("*.json")), ids=lambda path: path.stem)
def test_the_events_of_the_samples_are_scrubbed(sample):
    event = json.loads(sample.read_text())
    scrubbed = Scrubber().scrubbed(event)

    refuse_if_unclean(json.dumps(scrubbed))
    detail = event.get("detail", {})
    if isinstance(detail, dict) and isinstance(detail.get("userIdentity"), dict):
        # Its form is an answer, its content is not.
        assert scrubbed["detail"]["userIdentity"] == "<dict>"


def test_equal_identifiers_stay_equal():
    one, other = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"

    scrubbed = Scrubber().scrubbed({"primary": one, "replica": one, "other": other})

    assert scrubbed == {"primary": "<id-1>", "replica": "<id-1>", "other": "<id-2>"}


@pytest.fixture
def valid(probes, tmp_path):
    """A file of answers as data, and a reader of its changed copies."""
    run = probes["emulator"]
    data = json.loads((run.directory / f"{run.name}-answers.json").read_text())

    def read(changed):
        path = tmp_path / "answers.json"
        path.write_text(json.dumps(changed))
        return answers.read(path)

    return data, read



@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.pop("server"),
        lambda data: data.update(server="somewhere"),
        lambda data: data.update(format=2),
        lambda data: data.update(account=ACCOUNT),
        lambda data: data["answers"][0].pop("fact"),
        lambda data: data["answers"][0].update(seconds="1"),
        lambda data: data["answers"][0].update(status="perhaps"),
        lambda data: data["answers"][0].update(status="answered", answer=""),
        lambda data: data["answers"][0].update(status="unanswered", reason=""),
        lambda data: data["answers"].append(dict(data["answers"][0])),
    ],
)
def test_a_file_of_another_form_is_rejected(change, valid):
    data, read = valid
    read(data)
    changed = copy.deepcopy(data)
    change(changed)

    with pytest.raises(answers.InvalidAnswers):
        read(changed)


def test_the_reader_returns_what_was_written(valid):
    data, read = valid

    assert dataclasses.asdict(read(data)) == data
