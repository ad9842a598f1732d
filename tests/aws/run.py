"""The name of a run, and the ledger of what the run creates.

Everything that a run creates has the run's name as the prefix of its name, and a tag where AWS has tags. The
ledger is written before each creation, because ListSecrets can be five minutes old.
"""

import json
import re
import secrets
from pathlib import Path

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "target/aws"
# The tag of everything that a run creates. Its value is the run's name.
MARKER = "secret-replicator-test"
NAME = re.compile(r"sr-(test|probe)-[a-z0-9]{4,20}")


def new_name(kind):
    return f"sr-{kind}-{secrets.token_hex(5)}"


def check_name(name, command):
    """Exits if the name is not that of a run of this command. The teardown deletes by this prefix."""
    kind = NAME.fullmatch(name)
    if not kind or command not in ("clean", kind[1]):
        example = "probe" if command == "probe" else "test"
        raise SystemExit(f"RUN must be the name of a run, such as sr-{example}-0a1b2c3d4e, found: {name}")


class Run:
    def __init__(self, name, cloud, directory=DIRECTORY):
        self.name = name
        self.cloud = cloud
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.ledger_file = directory / f"{name}.jsonl"
        # The values of the run's secrets, which no output may contain.
        self.values = set()

    @property
    def kind(self):
        """Returns `test` or `probe`."""
        return self.name.split("-")[1]

    @property
    def bucket(self):
        return f"{self.name}-artifacts"

    def secret_name(self, label):
        return f"{self.name}/{label}"

    def marker(self):
        return {"Key": MARKER, "Value": self.name}

    def note(self, kind, region, name):
        """Adds an entry to the ledger."""
        with self.ledger_file.open("a") as ledger:
            ledger.write(json.dumps({"kind": kind, "region": region, "name": name}) + "\n")

    def noted(self, kind):
        """Returns the names of a kind in the ledger."""
        if not self.ledger_file.exists():
            return set()
        rows = [json.loads(line) for line in self.ledger_file.read_text().splitlines()]
        return {row["name"] for row in rows if row["kind"] == kind}

    def create(self, label, *, tags=(), value=True, region=None, **parameters):
        """Creates a secret of the run and returns its ARN. Its tags begin with the run's marker."""
        region, name = region or self.cloud.region, self.secret_name(label)
        self.note("secret", region, name)
        rows = [self.marker(), *({"Key": key, "Value": text} for key, text in dict(tags).items())]
        if value:
            parameters["SecretString"] = self.new_value()
        return self.cloud.secrets(region).create_secret(Name=name, Tags=rows, **parameters)["ARN"]

    def put_value(self, label, region=None, **parameters):
        """Adds a version to a secret and returns its ID."""
        answer = self.cloud.secrets(region).put_secret_value(
            SecretId=self.secret_name(label), SecretString=self.new_value(), **parameters
        )
        return answer["VersionId"]

    def new_value(self):
        value = secrets.token_urlsafe(24)
        self.values.add(value)
        return value
