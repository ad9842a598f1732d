"""Fixtures of all tests: the binaries, the servers and their clients."""

import os
import uuid
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

import stack
from function import ACCOUNT, DEPLOYED, running_function
from observed import Level, observe
from processes import TOOLS, environment, free_port, running
from recorded_calls import recording
from slices import BOOTSTRAP, Slices, reached


def built(variable):
    path = Path(os.environ.get(variable, "missing")).resolve()
    if not path.is_file():
        pytest.exit(f"{variable} must name a file: run `make test-independent`, which builds it", 2)
    return path


@pytest.fixture(scope="session")
def bootstrap():
    """The function's release binary."""
    return built("BOOTSTRAP")


@pytest.fixture(scope="session")
def emulator_binary():
    return built("EMULATOR")


@pytest.fixture(scope="session")
def parliament():
    """The linter of IAM policies. It is installed in another environment than the tests."""
    return built("PARLIAMENT")


@pytest.fixture(scope="session")
def client():
    """Makes clients of an AWS service at an endpoint."""

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
def start_server(tmp_path_factory):
    """Starts a server for the session and returns its URL. `{port}` in words and settings is its port."""
    with ExitStack() as servers:

        def start(*command, **settings):
            port, directory = free_port(), tmp_path_factory.mktemp("server")
            words = [str(word).replace("{port}", str(port)) for word in command]
            values = {key: text.replace("{port}", str(port)) for key, text in settings.items()}
            env = environment(TMPDIR=str(directory), **values)
            return servers.enter_context(running(words, port, directory / "log", env))

        yield start


@pytest.fixture(scope="session")
def moto(start_server):
    """The endpoint of moto, an independent emulator of many AWS services and Regions."""
    command = [TOOLS / "moto_server", "-H", "127.0.0.1", "-p", "{port}"]
    return start_server(*command, MOTO_ACCOUNT_ID=ACCOUNT)


@pytest.fixture(scope="session")
def start_emulator(start_server, emulator_binary):
    """Starts this project's emulator of Secrets Manager and returns its endpoint."""
    calls = os.environ.get("EMULATOR_CALLS_FILE", os.devnull)
    command = [emulator_binary, "serve", "--port", "{port}", "--removal-seconds", "2"]
    return partial(start_server, *command, EMULATOR_CALLS_FILE=calls)


@pytest.fixture(scope="session")
def emulator(start_emulator):
    """The endpoint of this project's emulator of Secrets Manager."""
    return start_emulator()


@pytest.fixture(scope="session")
def start_ministack(start_server):
    command = [TOOLS / "ministack"]
    # Ministack's functions inherit the variable: its stacks get answers at this endpoint only.
    answers = {"AWS_ENDPOINT_URL_S3": "http://localhost:{port}"}
    return partial(start_server, *command, GATEWAY_PORT="{port}", BIND_HOST="127.0.0.1", **answers)


@pytest.fixture(scope="session")
def ministack(start_ministack, emulator):
    """The endpoint of ministack, an independent local AWS that deploys and runs the template.

    Its functions use this project's emulator of Secrets Manager, whose replication takes time and can fail,
    as on AWS.
    """
    return start_ministack(
        MINISTACK_ACCOUNT_ID=stack.ACCOUNT,
        SFN_WAIT_SCALE="0",  # The state machine retries at once.
        AWS_ENDPOINT_URL_SECRETS_MANAGER=emulator,
        AWS_SESSION_TOKEN=DEPLOYED,
    )


@pytest.fixture(scope="module")
def recorded(ministack):
    """A server in front of ministack for the tools of one module, which records their calls."""
    with recording(ministack) as server:
        yield server


@pytest.fixture(scope="session")
def ministack_secrets(start_ministack):
    """The endpoint of a ministack with the account of the Runtime Interface Emulator."""
    return start_ministack(MINISTACK_ACCOUNT_ID=ACCOUNT)


@pytest.fixture(scope="session")
def deploy(client, ministack):
    """Deploys the template as a new stack, by default with the fake function."""

    def deploy(code=BOOTSTRAP, name=None, region="us-east-1", **parameters):
        name = name or f"stack-{uuid.uuid4().hex}"
        clients = partial(client, endpoint=ministack, region=region)
        return stack.deploy(name, code, clients, **parameters)

    return deploy


@pytest.fixture(scope="session")
def cautious(deploy):
    """The stack with its default parameters."""
    return deploy()


@pytest.fixture(scope="session")
def alarms(cautious):
    return cautious.alarms()


@pytest.fixture(scope="session")
def runs(bootstrap, client, emulator, tmp_path_factory):
    """The runs of the function that alarms, metrics and queries are checked with."""
    return observe(bootstrap, client, emulator, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session")
def levels(cautious, runs, deploy, bootstrap, client, start_emulator, tmp_path_factory):
    """The stack and the runs of the function at each level of alarms and metrics."""
    directory = tmp_path_factory.mktemp("essential")
    essential = observe(bootstrap, client, start_emulator(), directory, OBSERVABILITY="essential")
    return {
        "full": Level(cautious, runs),
        "essential": Level(deploy(Observability="essential"), essential),
    }


@pytest.fixture(scope="session")
def permissive(deploy):
    return deploy(AllowOverwrite="true", AllowRemoval="true", AllowPromotion="true")


@pytest.fixture(scope="session", params=["cautious", "permissive"])
def either(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def fakes(deploy):
    """The stack with the fake function."""
    return deploy()


@pytest.fixture
def slices(fakes):
    """The answers of the fake function."""
    slices = Slices()
    with reached(slices) as url:
        fakes.client("lambda").update_function_configuration(
            FunctionName=fakes.outputs["FunctionName"],
            Environment={"Variables": {"FAKE_FUNCTION": url}},
        )
        yield slices


@pytest.fixture
def start_function(bootstrap, moto, tmp_path):
    """Starts the function with these settings, in front of moto or another server."""
    with ExitStack() as functions:

        def start(endpoint=moto, **settings):
            log = tmp_path / f"function-{uuid.uuid4().hex}.log"
            return functions.enter_context(running_function(bootstrap, log, endpoint, **settings))

        yield start


@pytest.fixture
def name():
    """The name of a secret that is unique to the test."""
    return f"app/{uuid.uuid4().hex}"
