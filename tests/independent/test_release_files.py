"""What a release ships beside the stack: bills of materials, licenses, the command-line tool's archives, the notes."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

import cli_archive
import crates
import licenses
import release
from processes import CLI, environment
from template import ROOT
from test_packages import ARCHITECTURES, package

TARGETS = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
PACKAGES = ["secret-replicator", "secret-replicator-cli"]
LOCKED = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
CHECKSUMS = {(row["name"], row["version"]): row.get("checksum") for row in LOCKED}
DENY = tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]
CLI_MANIFEST = tomllib.loads((ROOT / "crates/cli/Cargo.toml").read_text())["package"]
SOURCE_DATE_EPOCH = "1700000000"


def bill(package, target, directory):
    """Returns the bill of materials of a file, as `make dist` writes it."""
    file = directory / "archive"
    file.write_bytes(b"contents")
    script = [sys.executable, ROOT / "packaging/sbom.py", file, package, target]
    env = os.environ | {"SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH}
    return subprocess.run(script, env=env, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module", params=PACKAGES)
def text(request, tmp_path_factory):
    return bill(request.param, TARGETS["arm64"], tmp_path_factory.mktemp("bill"))


@pytest.fixture(scope="module")
def document(text):
    return json.loads(text)


def test_a_bill_of_materials_follows_the_schema_of_cyclonedx(text, parliament):
    # The library of CycloneDX is in the linters' environment.
    script = (
        "import sys; from cyclonedx.schema import SchemaVersion; from cyclonedx.validation.json import *;"
        "sys.exit(str(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()) or '') or None)"
    )
    python = Path(parliament).parent / "python"

    def validate(text):
        return subprocess.run([python, "-c", script], input=text, capture_output=True, text=True)

    done = validate(text)
    assert done.returncode == 0, done.stderr
    assert validate(text.replace('"type": "library"', '"type": "book"', 1)).returncode != 0


def test_equal_sources_make_an_equal_bill_of_materials(text, document, tmp_path):
    name = document["metadata"]["component"]["name"]

    assert bill(name, TARGETS["arm64"], tmp_path) == text
    assert document["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"


def test_the_components_are_those_of_the_lock_file(document):
    for row in document["components"]:
        checksum = CHECKSUMS[row["name"], row["version"]]
        assert [entry["content"] for entry in row.get("hashes", [])] == ([checksum] if checksum else [])
        assert row.get("purl") == (f"pkg:cargo/{row['name']}@{row['version']}" if checksum else None)
    own = {row["name"] for row in document["components"] if "purl" not in row}
    assert own <= {"secret-replicator-core", "secret-replicator-aws"}


def test_every_component_is_a_dependency_of_another(document):
    dependencies = {row["ref"]: row["dependsOn"] for row in document["dependencies"]}
    reached, waiting = set(), [document["metadata"]["component"]["bom-ref"]]
    while waiting:
        reference = waiting.pop()
        if reference not in reached:
            reached.add(reference)
            waiting += dependencies[reference]

    components = {row["bom-ref"] for row in document["components"]}
    assert reached == components | {document["metadata"]["component"]["bom-ref"]}


def test_it_lists_what_the_executable_links_and_no_tool(document):
    names = {row["name"] for row in document["components"]}

    assert {"ring", "rustls", "tokio", "aws-sdk-secretsmanager"} <= names
    # Of tests, of the build, of the compiler, of another platform, of another product.
    assert not names & {"proptest", "insta", "cc", "serde_derive", "windows-sys", "secret-replicator-emulator"}
    assert ("lambda_runtime" in names) == (document["metadata"]["component"]["name"] == "secret-replicator")
    assert ("clap" in names) == (document["metadata"]["component"]["name"] == "secret-replicator-cli")


def embedded(architecture):
    """Returns the crates whose paths the package of the function contains."""
    found = re.findall(rb"/registry/([\w-]+?)-(\d+\.\d+\.\d[\w.+-]*)/", package(architecture).read_bytes())
    return {(name.decode(), version.decode()) for name, version in found}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_package_contains_no_crate_that_is_not_in_its_bill_of_materials(architecture, tmp_path):
    document = json.loads(bill("secret-replicator", TARGETS[architecture], tmp_path))
    listed = {(row["name"], row["version"]) for row in document["components"]}

    found = embedded(architecture)

    assert len(found) > 30
    assert found <= listed


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_package_contains_no_directory_of_the_machine(architecture):
    contents = package(architecture).read_bytes()
    home = Path.home()
    directories = [ROOT, home / ".cargo", home / ".rustup", os.environ.get("CARGO_HOME", home / ".cargo")]

    assert not [path for path in directories if str(path).encode() in contents]
    assert b"/rustc/" in contents
    notes = subprocess.run(["readelf", "--notes", package(architecture)], capture_output=True, text=True)
    assert "Build ID" not in notes.stdout


@pytest.fixture(scope="module", params=PACKAGES)
def linked(request):
    return {crate for target in TARGETS.values() for crate in crates.linked(request.param, target)}


def accepted(license):
    """Returns whether deny.toml accepts an SPDX expression: one of the alternatives, with all of its parts."""
    alternatives = [part.split(" AND ") for part in license.replace("(", "").replace(")", "").split(" OR ")]
    return any(set(parts) <= set(DENY["allow"]) for parts in alternatives)


def test_every_linked_crate_has_a_license_that_the_project_accepts(linked):
    excepted = {row["crate"]: row["allow"] for row in DENY.get("exceptions", [])}
    refused = {crate.name: crate.license for crate in linked if not accepted(crate.license)}

    assert {name: [license] for name, license in refused.items()}.items() <= excepted.items()


@pytest.mark.parametrize("name", PACKAGES)
def test_the_licenses_have_a_text_for_every_linked_crate(name):
    page = licenses.page(name, TARGETS.values())
    # A text may contain such lines, too.
    listed, *texts = re.split(r"^={80}\n(.*)\n={80}\n", page, flags=re.M)
    longest = {}
    for heading, text in zip(texts[::2], texts[1::2]):
        for crate in heading.split(", "):
            longest[crate] = max(len(text), longest.get(crate, 0))
    crates_of_others = {
        f"{crate.name} {crate.version}"
        for target in TARGETS.values()
        for crate in crates.linked(name, target)
        if crate.checksum
    }

    assert longest.keys() == crates_of_others
    assert all(crate in listed for crate in crates_of_others)
    # Some files only name the licenses. The shortest license has more characters.
    assert min(longest.values()) > 500
    # The crates of this project have the license of this project, which the release ships by itself.
    assert "secret-replicator-core" not in page


def write_archive(directory, tool):
    """Writes the archive of a tool as `make dist` does. Returns its path."""
    texts = directory / "licenses"
    texts.write_text("licenses")
    written = directory / "archive"
    written.mkdir()
    script = ROOT / "packaging/cli_archive.py"
    command = [sys.executable, script, TARGETS["x86_64"], tool, texts, written, "--runnable", CLI]
    subprocess.run(command, check=True)
    [path] = written.iterdir()
    return path


@pytest.fixture(scope="module")
def archived(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cli")
    # Without its debug information, which would take long to compress.
    subprocess.run(["strip", "-o", directory / "tool", CLI], check=True)
    return write_archive(directory, directory / "tool")


def test_equal_tools_make_equal_archives(tmp_path):
    tool = tmp_path / "tool"
    tool.write_text("executable")
    archives = []
    for name, date in (("first", 0), ("second", 1_000_000_000)):
        (tmp_path / name).mkdir()
        os.utime(tool, (date, date))
        archives.append(write_archive(tmp_path / name, tool).read_bytes())

    assert archives[0] == archives[1]


def test_the_archive_of_the_tool_has_neither_dates_nor_owners(archived):
    with tarfile.open(archived) as package:
        for member in package:
            assert (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, ""), member
            assert member.mode == (0o755 if member.name.endswith("/secret-replicator") else 0o644), member


def test_the_tool_runs_from_its_archive(archived, tmp_path):
    with tarfile.open(archived) as package:
        package.extractall(tmp_path, filter="data")
    [directory] = tmp_path.iterdir()

    done = subprocess.run(
        [directory / "secret-replicator", "check", ROOT / "policy.yaml"],
        env=environment(PATH="/usr/bin:/bin"), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    files = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert files == {
        *("secret-replicator", "LICENSE", "THIRD-PARTY-LICENSES.txt", "README.md"),
        *(f"completions/{file}" for file in cli_archive.COMPLETIONS.values()),
    }
    assert (directory / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    bash = ["bash", "-c", f"source {directory}/completions/secret-replicator.bash && complete -p secret-replicator"]
    assert subprocess.run(bash, capture_output=True).returncode == 0


def test_cargo_binstall_finds_the_archive_of_each_target(archived):
    metadata = CLI_MANIFEST["metadata"]["binstall"]
    values = {"repo": "REPO", "version": crates.VERSION, "target": TARGETS["x86_64"], "binary-ext": ""}
    values["bin"] = "secret-replicator"

    def filled(template):
        return re.sub(r"\{ ([\w-]+) \}", lambda found: values[found[1]], template)

    assert filled(metadata["pkg-url"]) == f"REPO/releases/download/v{crates.VERSION}/{archived.name}"
    assert metadata["pkg-fmt"] == "tgz"
    with tarfile.open(archived) as package:
        assert filled(metadata["bin-dir"]) in package.getnames()


def test_make_builds_the_archives_of_the_linux_targets():
    printed = subprocess.run(
        ["make", "--dry-run", "dist", "TOOLS="], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    for target in TARGETS.values():
        assert re.search(rf"cli_archive\.py {target} target/cli-\w+/{target}/release/secret-replicator ", printed)
        assert f"--target {target}.2.17 " in printed
        assert f"sbom.py dist/{cli_archive.name(target)}.tar.gz secret-replicator-cli {target} " in printed
    for architecture, target in TARGETS.items():
        zip_file = f"dist/secret-replicator-{crates.VERSION}-{architecture}.zip"
        assert f"zip.py .aws-sam/{architecture}/Replicator/bootstrap {zip_file} " in printed
        assert f"sbom.py {zip_file} secret-replicator {target} " in printed


CHANGELOG = """# Changelog

## Unreleased

## 1.2.0 - 2030-01-02
### Added
- b

## 1.2.0-rc.1
- a
"""


@pytest.mark.parametrize("version, notes", [("1.2.0", "### Added\n- b\n"), ("1.2.0-rc.1", "- a\n")])
def test_the_notes_of_a_release_are_its_part_of_the_changelog(version, notes):
    assert release.notes(CHANGELOG, version) == notes


@pytest.mark.parametrize("version", ["1.2", "1.3.0", "Unreleased"])
def test_a_release_without_notes_is_refused(version):
    with pytest.raises(SystemExit, match=f"no section for {version}"):
        release.notes(CHANGELOG, version)


def test_a_release_of_the_unreleased_changelog_is_refused():
    text = (ROOT / "CHANGELOG.md").read_text()
    released = text.replace("\n## Unreleased\n", f"\n## {crates.VERSION} - 2030-01-02\n", 1)

    assert release.notes(released, crates.VERSION).startswith("### ")


@pytest.mark.parametrize("tag", [f"v{crates.VERSION}.1", crates.VERSION, "v", ""])
def test_a_tag_that_is_not_the_version_is_refused(tag):
    problems = [*release.problems(tag, "https://example.com/secret-replicator")]

    assert [problem for problem in problems if f"expected v{crates.VERSION}" in problem]
    assert not [
        problem for problem in release.problems(f"v{crates.VERSION}", "https://example.com") if "tag" in problem
    ]


def test_a_repository_that_binstall_would_not_find_is_refused(tmp_path, monkeypatch):
    manifest = (ROOT / "crates/cli/Cargo.toml").read_text()
    (tmp_path / "crates/cli").mkdir(parents=True)
    named = manifest.replace("[package]\n", '[package]\nrepository = "https://a.example/b"\n', 1)
    (tmp_path / "crates/cli/Cargo.toml").write_text(named)
    monkeypatch.setattr(release, "ROOT", tmp_path)
    tag = f"v{crates.VERSION}"

    assert [*release.problems(tag, "https://a.example/b")] == []
    assert len([*release.problems(tag, "https://other.example/b")]) == 1


def test_the_terraform_module_is_archived_without_dates(tmp_path):
    written = []
    for name in ("first", "second"):
        target = tmp_path / name / "secret-replicator-1.0.0-terraform.tar.gz"
        target.parent.mkdir()
        files = sorted((ROOT / "terraform").iterdir())
        shutil.copytree(ROOT / "terraform", tmp_path / name / "module", copy_function=shutil.copyfile)
        copies = [tmp_path / name / "module" / path.name for path in files]
        subprocess.run([sys.executable, ROOT / "packaging/archive.py", target, *copies], check=True)
        written.append(target.read_bytes())

    assert written[0] == written[1]
    with tarfile.open(target) as package:
        assert f"{target.name.removesuffix('.tar.gz')}/main.tf" in package.getnames()
