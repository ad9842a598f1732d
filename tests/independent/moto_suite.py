"""A pytest plugin that runs moto's own tests of Secrets Manager against this project's emulator.

`make test-moto-suite` downloads moto's source distribution, whose tests can use a server ("server mode"), and
loads this plugin. `moto_suite.yaml` lists the tests that the emulator does not pass, each with the reason. A
test that is listed must fail, and every other test must pass.
"""

import os
import subprocess
import time
from pathlib import Path

import botocore.handlers
import pytest
import yaml

from processes import environment, free_port

PORT = free_port()
DIFFERENCES = yaml.safe_load(Path(__file__).with_name("moto_suite.yaml").read_text())

# moto reads these when it is imported.
os.environ.update(
    environment(
        TEST_SERVER_MODE="true",
        TEST_SERVER_MODE_ENDPOINT=f"http://127.0.0.1:{PORT}",
        # The plugin starts a new emulator for each test instead.
        MOTO_CALL_RESET_API="false",
        AWS_MAX_ATTEMPTS="1",
    )
)

# The emulator lists secrets by their creation in milliseconds. moto's tests expect the order of their calls, so no two
# secrets may be created within the same one.
botocore.handlers.BUILTIN_HANDLERS.append(
    ("before-call.secrets-manager.CreateSecret", lambda **_: time.sleep(0.002))
)


def pytest_collection_modifyitems(items):
    reasons = {
        name: f"{kind}: {row['reason']}"
        for kind, rows in DIFFERENCES.items()
        for row in rows
        for name in row["tests"]
    }
    unknown = reasons.keys() - {item.name for item in items}
    if unknown:
        raise pytest.UsageError(f"moto_suite.yaml lists tests that moto does not have: {unknown}")
    for item in items:
        if item.name in reasons:
            item.add_marker(pytest.mark.xfail(reason=reasons[item.name], strict=True))


@pytest.fixture(autouse=True)
def emulator():
    """Starts an empty emulator for each test."""
    command = [os.environ["EMULATOR"], "serve", "--port", str(PORT), "--replication-seconds", "0"]
    command += ["--removal-seconds", "0"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline(), "the emulator prints its URL once it listens"
        yield
    finally:
        process.kill()
        process.communicate()
