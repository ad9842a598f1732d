"""Every check fails when what it guards is broken: each of the `breakages` is tried on a copy.

`make test-guards` runs it, after `make test`.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from breakages import BREAKAGES, CHECKOV, CHECKOV_WORKFLOW, SAM, STATELINT
from template import ROOT

LINTERS = ROOT / ".venv-linters" / "bin"
CHECKOV_COMMAND = [LINTERS / "checkov", "--compact", "--quiet", "--skip-download", "--framework"]
TOOLS = {
    SAM: [sys.executable, ROOT / ".venv" / "bin" / "sam", "validate", "--lint"],
    STATELINT: [sys.executable, "-m", "statelint", "--yaml", "sweep.asl.yaml"],
    CHECKOV: [*CHECKOV_COMMAND, "cloudformation", "--file", "template.yaml"],
    CHECKOV_WORKFLOW: [*CHECKOV_COMMAND, "github_actions", "--directory", ".github"],
}


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    """A copy of what the checks look at: what is under version control, or could be, and the packages."""
    copy = tmp_path_factory.mktemp("original")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    packages = [path.relative_to(ROOT) for path in ROOT.glob(".aws-sam/*/Replicator/bootstrap")]
    for name in [*listed.stdout.splitlines(), *packages]:
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture
def copy(original, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(original, copy)
    yield copy
    # The packages are large, and pytest would keep the copies.
    shutil.rmtree(copy)


@pytest.fixture(scope="session")
def check(bootstrap, emulator_binary, parliament, moto, emulator, ministack, tmp_path_factory):
    """Runs tests or a tool in a copy. The servers are the same each time, and so is what the function was
    seen to write, which depends on none of the files that are broken."""
    observed = tmp_path_factory.mktemp("observed") / "runs.json"
    env = os.environ | {
        "EMULATOR": str(emulator_binary),
        "PARLIAMENT": str(parliament),
        "CALLS": " ".join(str(ROOT / path) for path in os.environ["CALLS"].split()),
        "SERVERS": json.dumps({"moto": moto, "emulator": emulator, "ministack": ministack}),
        "OBSERVED": str(observed),
        "SAM_CLI_TELEMETRY": "0",
    }

    def check(where, *names, **variables):
        variables = {"BOOTSTRAP": str(where / bootstrap.relative_to(ROOT))} | variables
        if names[0] in TOOLS:
            command = TOOLS[names[0]]
        else:
            nodes = [f"tests/independent/{name}" for name in names]
            command = [sys.executable, "-m", "pytest", "-x", "--tb=line", *nodes]
        return subprocess.run(
            command, cwd=where, env=env | variables, capture_output=True, text=True, timeout=900
        )

    return check


@pytest.mark.parametrize("row", BREAKAGES, ids=str)
def test_a_breakage_is_found(row, copy, check):
    variables = row.make(copy)

    done = check(copy, row.check, **variables)

    # Of pytest, 1 is a test that failed; 2 and more, that it could not run any.
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
    if row.check not in TOOLS:
        assert re.search(r"^FAILED tests/independent/", done.stdout, re.M), done.stdout
        # By an assertion, and not by an error on the way to it.
        assert re.search(r"^\S+\.py:\d+: (AssertionError|assert)\b", done.stdout, re.M), done.stdout


def test_whatever_is_checked_is_not_broken_now(original, check):
    """It comes last, so that it also sees if a test fails merely because it has run before: then the
    breakage would have been found in any case."""
    tests = sorted({row.check for row in BREAKAGES} - TOOLS.keys())
    for names in [*([tool] for tool in TOOLS), tests]:
        done = check(original, *names)

        assert done.returncode == 0, (names, done.stdout[-2000:], done.stderr[-2000:])
