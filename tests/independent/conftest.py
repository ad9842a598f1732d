"""What the tests share: the binaries, the servers, and clients for them."""

import os
import sys
import uuid
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

import stack
from function import ACCOUNT, DEPLOYED, running_function
from processes import environment, free_port, passed, running
from slices import BOOTSTRAP, Slices, reached


def built(variable):
    path = Path(os.environ.get(variable, "missing")).resolve()
    if not path.is_file():
        pytest.exit(f"{variable} names no file: run `make test-independent`, which builds it", 2)
    return path


@pytest.fixture(scope="session")
def bootstrap():
    """The function's release binary."""
    return built("BOOTSTRAP")


@pytest.fixture(scope="session")
def parliament():
    """The linter of IAM policies. It has an environment of its own, beside that of the tests."""
    return built("PARLIAMENT")


@pytest.fixture(scope="session")
def client():
    """Makes clients of an AWS service that is really somewhere on this machine."""

    def make(service, endpoint, region="us-east-1"):
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(retries={"total_max_attempts": 1}),
        )

    return make


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    """The endpoint of moto, an independent emulator of many AWS services and Regions."""
    port = free_port()
    log = tmp_path_factory.mktemp("moto") / "log"
    command = [Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", port]
    recorder = passed("MOTO_ENABLE_RECORDING", "MOTO_RECORDER_FILEPATH")
    with running(command, port, log, environment(MOTO_ACCOUNT_ID=ACCOUNT, **recorder)):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def emulator_binary():
    """The project's own local AWS."""
    return built("EMULATOR")


@pytest.fixture(scope="session")
def emulator(tmp_path_factory, emulator_binary):
    """The endpoint of this project's own Secrets Manager."""
    port = free_port()
    log = tmp_path_factory.mktemp("emulator") / "log"
    command = [emulator_binary, "serve", "--port", port, "--removal-seconds", "2"]
    with running(command, port, log, environment(**passed("EMULATOR_CALLS_FILE"))):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def ministack(tmp_path_factory, emulator):
    """The endpoint of ministack, an independent local AWS that deploys the template and runs it.

    The functions in it find their secrets in this project's own Secrets Manager, whose replication
    takes time and can fail, as AWS's does.
    """
    directory = tmp_path_factory.mktemp("ministack")
    # The state machine waits no time before it tries again.
    settings = {
        "SFN_WAIT_SCALE": "0",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": emulator,
        "AWS_SESSION_TOKEN": DEPLOYED,
    }
    with running_ministack(directory, stack.ACCOUNT, **settings) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def ministack_secrets(tmp_path_factory):
    """The endpoint of another ministack, in whose own Secrets Manager the function finds its secrets.

    It has the account that the function is in under AWS's Runtime Interface Emulator.
    """
    with running_ministack(tmp_path_factory.mktemp("ministack-secrets"), ACCOUNT) as endpoint:
        yield endpoint


@contextmanager
def running_ministack(directory, account, **settings):
    port = free_port()
    env = environment(
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",
        MINISTACK_ACCOUNT_ID=account,
        TMPDIR=str(directory),
        **settings,
    )
    command = [Path(sys.executable).with_name("ministack")]
    with running(command, port, directory / "log", env):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def deploy(client, ministack):
    """Deploys the template as a stack of its own."""

    def deploy(code=b"", name=None, region="us-east-1", **parameters):
        name = name or f"stack-{uuid.uuid4().hex}"
        clients = partial(client, endpoint=ministack, region=region)
        return stack.deploy(name, code, clients, **parameters)

    return deploy


@pytest.fixture(scope="session")
def cautious(deploy):
    """The stack with its default parameters."""
    return deploy()


@pytest.fixture(scope="session")
def permissive(deploy):
    return deploy(AllowOverwrite="true", AllowRemoval="true")


@pytest.fixture(scope="session", params=["cautious", "permissive"])
def either(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def fakes(deploy):
    """The stack with the fake function."""
    return deploy(BOOTSTRAP)


@pytest.fixture
def slices(fakes):
    """The function of that stack, which answers what the test says."""
    slices = Slices()
    with reached(slices) as url:
        fakes.client("lambda").update_function_configuration(
            FunctionName=fakes.outputs["FunctionName"],
            Environment={"Variables": {"FAKE_FUNCTION": url}},
        )
        yield slices


@pytest.fixture
def start_function(bootstrap, moto, tmp_path):
    """Starts the function in front of moto, with settings as it would have in its environment."""
    with ExitStack() as functions:

        def start(**settings):
            log = tmp_path / f"function-{uuid.uuid4().hex}.log"
            return functions.enter_context(running_function(bootstrap, log, moto, **settings))

        yield start


@pytest.fixture
def function(start_function):
    """The function with its default settings."""
    return start_function()


@pytest.fixture
def name():
    """A secret's name that no other test uses."""
    return f"app/{uuid.uuid4().hex}"
