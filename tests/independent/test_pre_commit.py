"""The hooks for pre-commit check the policies of a commit."""

import re
import shlex
import subprocess

import pytest
import yaml

from processes import CLI
from template import ROOT

[HOOK] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
# The options of a hook that pre-commit knows (its documentation, "Creating new hooks").
OPTIONS = {"id", "name", "description", "entry", "language", "files"}
GOOD = "{version: 1, rules: [{name: a, when: all, replicate-to: eu-west-1}]}\n"
WARNED = GOOD.replace("eu-west-1", "eu-wset-1")


def run(*files):
    """Runs the hook as pre-commit does: the words of `entry`, then the files."""
    program, *options = shlex.split(HOOK["entry"])
    assert program == CLI.name
    return subprocess.run([CLI, *options, *files], capture_output=True, text=True, timeout=60)


def test_the_hook_has_the_options_that_pre_commit_requires():
    assert HOOK.keys() == OPTIONS
    assert HOOK["language"] == "system"
    assert f"`{HOOK['id']}`" in (ROOT / "README.md").read_text()


def test_the_documented_configuration_selects_a_policy_of_another_name():
    text = (ROOT / "docs/POLICY.md").read_text()
    [block] = re.findall(r"```yml\n(repos:\n.*?)```", text, re.S)
    [repository] = yaml.safe_load(block)["repos"]
    [hook] = repository["hooks"]

    assert hook["id"] == HOOK["id"] and repository["rev"]
    assert re.search(hook["files"], "policy.yaml")
    assert not re.search(HOOK["files"], "policy.yaml")


@pytest.mark.parametrize("path, is_policy", [
    ("replication-policy.yaml", True),
    ("stacks/replication-policy.json", True),
    ("replication-policy.tests.yaml", False),
    ("policy.yaml", False),
])
def test_it_selects_the_policies(path, is_policy):
    assert bool(re.search(HOOK["files"], path)) == is_policy


@pytest.mark.parametrize("policies, code", [((GOOD, GOOD), 0), ((GOOD, WARNED), 1), ((GOOD, "{}"), 2)])
def test_it_checks_every_policy_of_the_commit(policies, code, tmp_path):
    files = [tmp_path / f"{number}.yaml" for number in range(len(policies))]
    for file, policy in zip(files, policies):
        file.write_text(policy)

    done = run(*files)

    assert done.returncode == code, done.stdout + done.stderr
    assert all(f"{file}: " in done.stdout for file in files)
