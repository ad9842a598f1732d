"""Questions about ListSecrets."""

import cloud as aws
import run_secrets
from asking import Unanswered, question

LIST_SECONDS = 600
# Characters of names whose order differs between bytes, case-insensitive and linguistic collation.
LETTERS = ("A", "a", "B", "b", "Z", "z", "1", "_", "-", ".", "+", "=", "@")


def listed(probe, region, prefix, **filters):
    """Returns the names that ListSecrets shows, in its order, with these filters."""
    rows = [{"Key": "name", "Values": [prefix]}]
    rows += [{"Key": key.replace("_", "-"), "Values": [value]} for key, value in filters.items()]
    pages = probe.cloud.secrets(region).get_paginator("list_secrets")
    names = [
        row["Name"]
        for page in pages.paginate(SortBy="name", SortOrder="asc", Filters=rows)
        for row in page["SecretList"]
    ]
    probe.steps.append(f"list_secrets in {region} with {rows}: {len(names)} secrets")
    return [name for name in names if name.startswith(prefix)]


def shown(probe, names, region):
    """Waits until ListSecrets shows secrets. Returns the seconds."""
    check = lambda: names <= run_secrets.listed(probe.run, region)  # noqa: E731
    return probe.cloud.wait(check, f"ListSecrets shows {len(names)} secrets in {region}", LIST_SECONDS)[1]


@question(
    "list-collation",
    "In which order does ListSecrets sort names?",
    "SortBy takes `name`; the collation is unknown. The sweep's correctness does not rest on it.",
)
def collation(probe):
    for letter in LETTERS:
        probe.run.create(f"collation/{letter}", value=False)
    prefix = probe.run.secret_name("collation/")
    seconds = shown(probe, {prefix + letter for letter in LETTERS}, probe.home)
    letters = [name.removeprefix(prefix) for name in listed(probe, probe.home, prefix)]
    if len(letters) != len(LETTERS):
        raise Unanswered(f"ListSecrets shows {len(letters)} of {len(LETTERS)} names")
    orders = {
        "bytes": sorted(LETTERS),
        "bytes, descending": sorted(LETTERS, reverse=True),
        "bytes of lower case": sorted(LETTERS, key=lambda letter: (letter.lower(), letter)),
        "creation": list(LETTERS),
    }
    name = next((name for name, order in orders.items() if order == letters), "none of the known")
    return f"{' '.join(letters)}: {name}", {"order": letters, "seconds until listed": seconds}


@question(
    "list-primary-region",
    "Does the filter primary-region show secrets without replicas?",
    "A server of tests leaves them out; no evidence for AWS.",
)
def primary_region(probe):
    names = {
        "without replicas": probe.create("filter/alone"),
        "with replicas": probe.replicated("filter/replicated"),
    }
    shown(probe, set(names.values()), probe.home)
    shown(probe, {names["with replicas"]}, probe.target)
    prefix = probe.run.secret_name("filter/")
    at_home = listed(probe, probe.home, prefix, primary_region=probe.home)
    in_target = listed(probe, probe.target, prefix, primary_region=probe.home)
    observed = {what: name in at_home for what, name in names.items()}
    observed["the replica in its Region"] = names["with replicas"] in in_target
    return f"secrets without replicas: {'shown' if observed['without replicas'] else 'left out'}", observed


@question(
    "list-after-removal",
    "How long does ListSecrets of the replica Region show a removed replica?",
    "ListSecrets might not reflect changes of the last five minutes (documented).",
)
def after_removal(probe):
    name = probe.replicated("list-after-removal")
    shown(probe, {name}, probe.target)
    probe.call("remove_regions_from_replication", SecretId=name, RemoveReplicaRegions=[probe.target])
    gone = lambda: probe.cloud.describe(name, probe.target) is None  # noqa: E731
    described = probe.cloud.wait(gone, "DescribeSecret answers not found", 300)[1]
    unlisted = lambda: name not in listed_names(probe)  # noqa: E731
    try:
        more = probe.cloud.wait(unlisted, "ListSecrets leaves it out", LIST_SECONDS)[1]
    except aws.TooLate:
        more = None
    return f"{more} s longer than DescribeSecret", {"described": described, "listed longer": more}


def listed_names(probe):
    return run_secrets.listed(probe.run, probe.target)
