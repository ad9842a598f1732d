"""The CI workflow runs the developers' commands, and all of its versions are pinned."""

import re
import tomllib

import yaml

from template import ROOT, TEMPLATE

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/test.yaml").read_text())
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def commands(job):
    return [step["run"] for step in WORKFLOW["jobs"][job]["steps"] if "run" in step]


def test_it_runs_every_part_of_make_test_in_its_order():
    [parts] = re.findall(r"^TESTS := (.*)$", (ROOT / "Makefile").read_text(), re.M)
    made = [command for command in commands("test") if command.startswith("make ")]

    assert made == [f"make {part}" for part in ["preflight", *parts.split()]]


def test_it_checks_advisories_for_pull_requests_and_every_night():
    assert WORKFLOW["jobs"]["advisories"]["if"] == "github.event_name != 'push'"
    assert "make advisories" in commands("advisories")


def test_every_job_has_a_timeout_and_every_command_a_name():
    for name, job in WORKFLOW["jobs"].items():
        assert job["timeout-minutes"] <= 90, name
        assert all("name" in step for step in job["steps"] if "run" in step), name


def test_it_tries_other_random_inputs_every_night():
    # YAML 1.1 reads `on` as true.
    assert WORKFLOW[True]["schedule"] == [{"cron": "17 3 * * *"}]
    drawn, played = commands("seeds")[1:]

    assert re.fullmatch(r"make properties SEEDS=\d+", drawn), "one that is named is the same every night"
    assert re.fullmatch(r'make soak SEEDS=\d+ FIRST="\$\(date \+%s\)"', played)


def test_it_installs_what_make_installs_for_root():
    made = (ROOT / "Makefile").read_text()
    wanted = " ".join(re.findall(r"\$\(call install,(.*)\)$", made, re.M))
    wanted = re.sub(r"libc6-\S+ *\S*-cross", "libc6-arm64-cross", wanted)
    [installed] = [line for line in commands("test") if "apt-get install" in line]

    assert sorted(installed.split("--yes ")[1].split()) == sorted(wanted.split())


def test_it_builds_and_keeps_the_package_of_every_architecture_of_the_template():
    built = WORKFLOW["jobs"]["build"]["strategy"]["matrix"]["architecture"]

    assert built == TEMPLATE["Parameters"]["Architecture"]["AllowedValues"]
    assert "make package-${{ matrix.architecture }}" in commands("build")
    [kept] = [step for step in STEPS if "upload-artifact" in step.get("uses", "")]
    assert kept["with"]["path"] == ".aws-sam/${{ matrix.architecture }}/Replicator/bootstrap"


def test_actions_are_pinned_by_commit_and_machines_and_toolchain_by_version():
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action), action
    for job in WORKFLOW["jobs"].values():
        assert re.fullmatch(r"ubuntu-\d\d\.\d\d", job["runs-on"])
    toolchain = WORKFLOW["env"]["RUSTUP_TOOLCHAIN"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", toolchain)
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
    assert number(toolchain) >= number(cargo["rust-version"])


def number(version):
    return [int(part) for part in version.split(".")]


def test_it_may_read_the_code_and_no_more():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for step in STEPS:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
