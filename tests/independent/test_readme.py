"""What the README shows is what happens."""

import re
import subprocess

import pytest

from template import ROOT

README = (ROOT / "README.md").read_text()


@pytest.fixture
def demo(bootstrap, emulator_binary):
    """The output of the demo, with the release binary."""
    command = [emulator_binary, "demo", "--bootstrap", bootstrap]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_the_demo_ends_with_the_table_of_the_readme(demo):
    shown = re.search(r"<!-- what `make demo` ends with -->\n```text\n(.*?)```", README, re.S)
    assert demo.endswith(shown.group(1))


def test_the_readme_names_the_command_that_ci_runs():
    ci = (ROOT / ".ci" / "run").read_text()
    assert ci.rstrip().endswith("\nmake test")
    assert "\nmake test\n" in README

