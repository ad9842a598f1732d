"""Child processes that listen on a port, and waiting without lucky sleeps."""

import os
import socket
import subprocess
import time
from contextlib import contextmanager


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(look, what, seconds=30):
    """The first true answer of `look`, which is asked until the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.05)


def environment(**variables):
    """An environment that nobody's shell, profile or instance metadata leaks into."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    } | variables


def passed(*names):
    """Variables that are handed on, if they are set."""
    return {name: os.environ[name] for name in names if name in os.environ}


@contextmanager
def running(command, port, log, env=None):
    """Runs `command`, which listens on `port`, until the end of the block."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            env=environment() if env is None else env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: accepts(port, process, log), f"{command[0]} listens on {port}")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def accepts(port, process, log):
    assert process.poll() is None, f"{process.args[0]} ended at once:\n{log.read_text()}"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
