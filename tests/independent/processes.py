"""Child processes: servers that listen on a port, and shell commands."""

import os
import random
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

# The directory of the installed command-line tools.
TOOLS = Path(sys.executable).parent
# The command-line tool, which is built next to the emulator.
CLI = Path(os.environ.get("EMULATOR", "missing")).resolve().parent / "secret-replicator"


# Linux gives ports from 32768 to connections and to servers that ask for any. These are lower, so that no
# connection takes a port between the choice and the start of its server.
PORTS = iter(random.sample(range(10_000, 32_768), 2_000))


def free_port():
    """Returns a port that no server uses. No two calls return the same one."""
    return next(port for port in PORTS if is_free(port))


def is_free(port):
    with socket.socket() as probe:
        # As servers do, so that closed connections of an earlier server do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def eventually(check, what, seconds=30):
    """Calls `check` until it returns a true value, and returns that value."""
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.05)


def environment(**variables):
    """Returns an environment without settings of the shell, AWS profiles or instance metadata."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    } | variables


@contextmanager
def running(command, port, log, env):
    """Runs a server that listens on `port` and yields its URL."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: accepts(port, process, log), f"{command[0]} listens on {port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def accepts(port, process, log):
    assert process.poll() is None, f"{process.args[0]} exited:\n{log.read_text()}"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def executable(path, text):
    """Writes a script."""
    path.write_text(text)
    path.chmod(0o755)


def shell(commands, directory, programs, **variables):
    """Runs shell commands in a directory until one fails. `programs` come first in the PATH."""
    shims = directory / "bin"
    shims.mkdir(exist_ok=True)
    for name, text in programs.items():
        executable(shims / name, text)
    return subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", commands],
        cwd=directory,
        env=environment(
            PATH=f"{shims}:{os.environ['PATH']}",
            HOME=str(directory),
            SAM_CLI_TELEMETRY="0",
            **variables,
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
