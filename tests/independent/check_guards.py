"""Every check fails when what it guards is broken: each breakage of `breakages.py` is tried on a copy.

`make test-guards` runs it, after `make test`.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from breakages import BREAKAGES, CHECKOV, CHECKOV_WORKFLOW, SAM
from template import ROOT

LINTERS = ROOT / ".venv-linters" / "bin"
CHECKOV_COMMAND = [LINTERS / "checkov", "--compact", "--quiet", "--skip-download", "--framework"]
TOOLS = {
    SAM: [sys.executable, ROOT / ".venv" / "bin" / "sam", "validate", "--lint"],
    CHECKOV: [*CHECKOV_COMMAND, "cloudformation", "--file", "template.yaml"],
    CHECKOV_WORKFLOW: [*CHECKOV_COMMAND, "github_actions", "--directory", ".github"],
}


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    """A copy of what the checks look at: the files that are under version control, or could be."""
    copy = tmp_path_factory.mktemp("original")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    return copy


@pytest.fixture
def copy(original, tmp_path):
    shutil.copytree(original, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture(scope="session")
def check(bootstrap, emulator_binary, parliament, moto, emulator, ministack, tmp_path_factory):
    """Runs tests or a tool in a copy. The servers are the same each time, and so is what the function was
    seen to write, which depends on none of the files that are broken."""
    observed = tmp_path_factory.mktemp("observed") / "runs.json"
    env = os.environ | {
        "BOOTSTRAP": str(bootstrap),
        "EMULATOR": str(emulator_binary),
        "PARLIAMENT": str(parliament),
        "CALLS": " ".join(str(ROOT / path) for path in os.environ["CALLS"].split()),
        "SERVERS": json.dumps({"moto": moto, "emulator": emulator, "ministack": ministack}),
        "OBSERVED": str(observed),
        "SAM_CLI_TELEMETRY": "0",
    }

    def check(where, *names):
        if names[0] in TOOLS:
            command = TOOLS[names[0]]
        else:
            nodes = [f"tests/independent/{name}" for name in names]
            command = [sys.executable, "-m", "pytest", "-x", "--tb=line", *nodes]
        return subprocess.run(
            command, cwd=where, env=env, capture_output=True, text=True, timeout=900
        )

    return check


def test_whatever_is_checked_is_not_broken_now(original, check):
    tests = sorted({row.check for row in BREAKAGES} - TOOLS.keys())
    for names in [*([tool] for tool in TOOLS), tests]:
        done = check(original, *names)

        assert done.returncode == 0, (names, done.stdout[-2000:], done.stderr[-2000:])


def broken(text, row):
    """The text with the breakage, in the block that it is in."""
    start, end = 0, len(text)
    if row.section:
        block = re.search(rf"^  {row.section}:\n(?:(?:   .*)?\n)+", text, re.M)
        start, end = block.span()
    block = text[start:end]
    assert row.old in block, f"{row.old!r} is not in {row.section or row.file}"
    return text[:start] + block.replace(row.old, row.new, 1) + text[end:]


@pytest.mark.parametrize("row", BREAKAGES, ids=lambda row: f"{row.section} {row.says}".strip())
def test_a_breakage_is_found(row, copy, check):
    file = copy / row.file
    file.write_text(broken(file.read_text(), row))

    done = check(copy, row.check)

    # Of pytest, 1 is a test that failed; 2 and more, that it could not run any.
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
    if row.check not in TOOLS:
        assert re.search(r"^FAILED tests/independent/", done.stdout, re.M), done.stdout
