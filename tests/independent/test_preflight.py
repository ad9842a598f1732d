"""The check of the tools of `sam build` names each that is missing or does not work."""

import os
import shutil
import subprocess
import tomllib

import pytest

from processes import TOOLS, executable
from template import ROOT

RUST = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
# What each program prints as its version. `None`: it is not installed.
WORKING = {"rustc": f"rustc {RUST} (abc)", "sam": "SAM CLI, version 1.156.0", "cargo": "cargo-lambda 1.9.2", "zig": "0.17.1"}


def run(directory, **versions):
    """Runs the check where these programs are the only ones of their kind."""
    for name, text in (WORKING | versions).items():
        executable(directory / name, f"#!/bin/sh\necho '{text}'\n" if text else "#!/bin/sh\nexit 1\n")
    # The shell and its programs, but no Python that could have zig.
    for name in ("bash", "dirname", "sed", "sort", "grep", "head", "env"):
        (directory / name).symlink_to(shutil.which(name))
    script = ROOT / "packaging/preflight.sh"
    return subprocess.run([script], env={"PATH": str(directory)}, capture_output=True, text=True, timeout=60)


def test_tools_that_work_are_accepted(tmp_path):
    done = run(tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "tool, version, named",
    [
        ("rustc", "rustc 1.80.0 (abc)", f"Rust {RUST} or newer, found 1.80.0"),
        ("rustc", None, f"Rust {RUST} or newer, found none"),
        ("sam", "SAM CLI, version 1.151.0", "AWS SAM CLI 1.156 or newer, found 1.151.0"),
        ("sam", "SAM CLI, version 1.99.0", "AWS SAM CLI 1.156 or newer, found 1.99.0"),
        ("sam", None, "AWS SAM CLI 1.156 or newer, found none"),
        ("cargo", None, "cargo-lambda: pip install"),
        ("zig", "0.16.0", "another zig than 0.16.0"),
        ("zig", None, "zig, which cargo-lambda uses"),
    ],
)
def test_a_wrong_tool_is_named_alone(tool, version, named, tmp_path):
    done = run(tmp_path, **{tool: version})

    assert done.returncode == 1
    [problem] = [line for line in done.stderr.splitlines() if line.startswith("  * ")]
    assert named in problem


def test_all_problems_are_named_at_once(tmp_path):
    done = run(tmp_path, **dict.fromkeys(WORKING))

    assert done.stderr.count("  * ") == len(WORKING)


def test_the_tools_of_the_tests_are_accepted():
    env = os.environ | {"PATH": f"{TOOLS}:{os.environ['PATH']}"}
    done = subprocess.run([ROOT / "packaging/preflight.sh"], env=env, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr


def test_it_recommends_the_zig_of_the_tests():
    pinned = (ROOT / "tests/requirements/tools.txt").read_text()
    [recommended] = [
        word for word in (ROOT / "packaging/preflight.sh").read_text().replace('"', " ").split() if "ziglang==" in word
    ]

    assert recommended.rstrip(')') in pinned
