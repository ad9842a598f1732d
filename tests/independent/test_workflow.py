"""Checks that the CI workflow runs the make targets of developers and pins all versions."""

import re
import tomllib

import yaml

from documents import blocks
from template import ROOT, TEMPLATE

TEXT = (ROOT / ".github/workflows/test.yaml").read_text()
WORKFLOW = yaml.safe_load(TEXT)
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def commands(job):
    return [step["run"] for step in WORKFLOW["jobs"][job]["steps"] if "run" in step]


def test_it_runs_every_part_of_make_test_in_its_order():
    [parts] = re.findall(r"^TESTS := (.*)$", (ROOT / "Makefile").read_text(), re.M)
    made = [command for command in commands("test") if command.startswith("make ")]

    assert made == [f"make {part}" for part in ["preflight", *parts.split()]]


def test_the_script_of_ci_ends_with_the_command_of_the_readme():
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "make test"
    assert "make test\n" in blocks("README.md")


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

    assert re.fullmatch(r"make properties SEEDS=\d+", drawn), "FIRST would fix the seeds"
    assert re.fullmatch(r'make soak SEEDS=\d+ FIRST="\$\(date \+%s\)" PROFILE=soak', played)


def test_it_builds_and_keeps_the_package_of_every_architecture_of_the_template():
    built = WORKFLOW["jobs"]["build"]["strategy"]["matrix"]["architecture"]

    assert built == TEMPLATE["Parameters"]["Architecture"]["AllowedValues"]
    assert "make package-${{ matrix.architecture }}" in commands("build")
    [kept] = [step for step in STEPS if "upload-artifact" in step.get("uses", "")]
    assert kept["with"]["path"] == ".aws-sam/${{ matrix.architecture }}/Replicator/bootstrap"


def test_every_action_is_pinned_by_a_commit():
    used = re.findall(r"uses: (.*)", TEXT)

    assert len(used) == len([step for step in STEPS if "uses" in step])
    for action in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v[\d.]+", action), action


def test_machines_and_toolchain_are_pinned_by_a_version():
    for job in WORKFLOW["jobs"].values():
        assert re.fullmatch(r"ubuntu-\d\d\.\d\d", job["runs-on"])
    toolchain = WORKFLOW["env"]["RUSTUP_TOOLCHAIN"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", toolchain)
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
    assert number(toolchain) >= number(cargo["rust-version"])


def number(version):
    return [int(part) for part in version.split(".")]


def test_its_token_may_only_read_the_code():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for step in STEPS:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
