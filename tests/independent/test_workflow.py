"""Checks that the workflows run the make targets of developers, pin all versions and have few permissions."""

import os
import re
import subprocess
import tomllib

import pytest
import yaml

from crates import VERSION
from documents import blocks
from template import ROOT, TEMPLATE

TEXTS = {path.stem: path.read_text() for path in (ROOT / ".github/workflows").iterdir()}
WORKFLOWS = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
WORKFLOW, RELEASE = WORKFLOWS["test"], WORKFLOWS["release"]


def steps(workflow):
    return [step for job in jobs(workflow).values() for step in job["steps"]]


def jobs(workflow):
    """Returns the jobs, without those that run another workflow."""
    return {name: job for name, job in workflow["jobs"].items() if "uses" not in job}


STEPS = steps(WORKFLOW)


def commands(job):
    return [step["run"] for step in WORKFLOW["jobs"][job]["steps"] if "run" in step]


def test_it_runs_every_part_of_make_test_in_its_order():
    [parts] = re.findall(r"^TESTS := (.*)$", (ROOT / "Makefile").read_text(), re.M)
    made = [command for command in commands("test") if command.startswith("make ")]

    assert made == [f"make {part}" for part in ["preflight", *parts.split()]]


def test_the_script_of_ci_ends_with_the_command_of_the_readme():
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "make test"
    assert "make test\n" in blocks("README.md")


def test_it_checks_advisories_for_pull_requests_releases_and_every_night():
    # A release runs it with the event of the tag.
    assert WORKFLOW["jobs"]["advisories"]["if"] == "github.event_name != 'push' || github.ref_type == 'tag'"
    assert "make advisories" in commands("advisories")


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_job_has_a_timeout_and_every_command_a_name(workflow):
    for name, job in jobs(WORKFLOWS[workflow]).items():
        assert job["timeout-minutes"] <= 90, name
        assert all("name" in step for step in job["steps"] if "run" in step), name


def test_it_tries_other_random_inputs_every_night():
    # YAML 1.1 reads `on` as true.
    assert WORKFLOW[True]["schedule"] == [{"cron": "17 3 * * *"}]
    drawn, played, failed_over = commands("seeds")[1:]
    soak = r'make soak SEEDS=\d+ FIRST="\$\(date \+%s\)" PROFILE=soak'

    assert re.fullmatch(r"make properties SEEDS=\d+", drawn), "FIRST would fix the seeds"
    assert re.fullmatch(soak, played)
    assert re.fullmatch(soak + " FAILOVER=1", failed_over)


def test_it_builds_and_keeps_the_package_of_every_architecture_of_the_template():
    built = WORKFLOW["jobs"]["build"]["strategy"]["matrix"]["architecture"]

    assert built == TEMPLATE["Parameters"]["Architecture"]["AllowedValues"]
    assert "make package-${{ matrix.architecture }}" in commands("build")
    [kept] = [step for step in STEPS if "upload-artifact" in step.get("uses", "")]
    assert kept["with"]["path"] == ".aws-sam/${{ matrix.architecture }}/Replicator/bootstrap"


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_action_is_pinned_by_a_commit(workflow):
    used = re.findall(r"- uses: (.*)", TEXTS[workflow])

    assert len(used) == len([step for step in steps(WORKFLOWS[workflow]) if "uses" in step])
    for action in used:
        assert re.fullmatch(r"(actions/[a-z-]+|hashicorp/setup-terraform)@[0-9a-f]{40} # v[\d.]+", action), action


def test_an_action_has_one_version_in_all_workflows():
    used = {action for text in TEXTS.values() for action in re.findall(r"- uses: (.*)", text)}

    assert len(used) == len({action.partition("@")[0] for action in used})


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_machines_and_toolchain_are_pinned_by_a_version(workflow):
    for job in jobs(WORKFLOWS[workflow]).values():
        rows = job.get("strategy", {}).get("matrix", {}).get("include", [])
        for machine in [row["machine"] for row in rows] or [job["runs-on"]]:
            assert re.fullmatch(r"ubuntu-\d\d\.\d\d|macos-\d\d(-intel)?", machine)
    toolchain = WORKFLOWS[workflow]["env"]["RUSTUP_TOOLCHAIN"]
    assert toolchain == WORKFLOW["env"]["RUSTUP_TOOLCHAIN"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", toolchain)
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
    assert number(toolchain) >= number(cargo["rust-version"])


def number(version):
    return [int(part) for part in version.split(".")]


def test_its_token_may_only_read_the_code():
    assert WORKFLOW["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_no_token_is_left_in_the_checkout(workflow):
    for step in steps(WORKFLOWS[workflow]):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_it_builds_the_release_twice_every_night():
    assert WORKFLOW["jobs"]["reproducible"]["if"] == "github.event_name == 'schedule'"
    assert "make test-reproducible" in commands("reproducible")


def test_a_tag_releases_what_was_tested_and_built_twice():
    assert RELEASE[True] == {"push": {"tags": ["v*"]}}
    assert "make test-reproducible" in [step.get("run") for step in RELEASE["jobs"]["linux"]["steps"]]
    assert RELEASE["jobs"]["test"]["uses"] == "$/.github/workflows/test.yaml"
    assert "workflow_call" in WORKFLOW[True]
    assert RELEASE["jobs"]["publish"]["needs"] == ["test", "linux", "macos"]


def test_the_workflows_wait_for_each_other_in_groups_of_their_own():
    """A workflow that another one calls has the name of its caller, and would cancel it in the same group."""
    assert "github.workflow" not in WORKFLOW["concurrency"]["group"]


def test_terraform_and_its_provider_are_the_documented_versions():
    [terraform] = [step["with"] for step in STEPS if "setup-terraform" in step.get("uses", "")]
    [provider] = re.findall(r'version = "([\d.]+)"', (ROOT / "tests/independent/test_terraform.py").read_text())

    tested = f"Terraform {terraform['terraform_version']}, provider {provider}"
    assert tested in (ROOT / "docs/DEPLOY.md").read_text()


def test_only_the_job_that_publishes_may_write_and_it_runs_no_code_of_the_repository():
    permissions = {name: job["permissions"] for name, job in RELEASE["jobs"].items()}

    assert RELEASE["permissions"] == {}
    assert permissions.pop("publish") == {"contents": "write", "id-token": "write", "attestations": "write"}
    assert all(rights == {"contents": "read"} for rights in permissions.values())
    assert not [step for step in RELEASE["jobs"]["publish"]["steps"] if "checkout" in step.get("uses", "")]


def step(job, command):
    """Returns the script of the step of the release that contains a command."""
    [found] = [row["run"] for row in RELEASE["jobs"][job]["steps"] if command in row.get("run", "")]
    return found


def test_the_tag_is_checked_and_the_notes_are_written_before_the_build(tmp_path):
    script = step("linux", "packaging/release.py")
    runs = [row.get("run", "") for row in RELEASE["jobs"]["linux"]["steps"]]
    assert runs.index(script) < runs.index("make test-reproducible")

    # The commit of the test has no notes of a release.
    env = os.environ | {"GITHUB_REF_NAME": "v0", "GITHUB_SERVER_URL": "https://a", "GITHUB_REPOSITORY": "b/c"}
    (tmp_path / "packaging").symlink_to(ROOT / "packaging")
    done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, env=env, capture_output=True, text=True)

    assert done.returncode != 0
    assert f"expected v{VERSION}" in done.stderr and 'repository = "https://a/b/c"' in done.stderr


def test_the_checksums_of_a_release_name_all_of_its_files(tmp_path):
    for name in ("linux.zip", "macos.tar.gz"):
        (tmp_path / name).write_text(name)
    script = step("publish", "sha256sum")
    sums = "sha256sum linux.zip > SHA256SUMS"

    def run(before):
        return subprocess.run(["bash", "-ec", f"{before}\n{script}"], cwd=tmp_path, capture_output=True)

    assert run(sums).returncode == 0
    assert [line.split()[1] for line in (tmp_path / "SHA256SUMS").read_text().splitlines()] == ["linux.zip", "macos.tar.gz"]
    assert run(f"{sums}; echo changed > linux.zip").returncode != 0


def test_the_archives_for_macos_have_the_targets_of_apples_processors():
    rows = RELEASE["jobs"]["macos"]["strategy"]["matrix"]["include"]

    assert {row["target"] for row in rows} == {"aarch64-apple-darwin", "x86_64-apple-darwin"}
    assert 'packaging/cli_archive.py "$TARGET" "target/$TARGET/release/secret-replicator"' in step("macos", "cli_archive")
