"""Packages that are not the function, and tests that look at something else."""

from breakages.breakage import Breakage, OtherFile, OtherVariable

PACKAGES = "test_packages.py::test_"
X86_64, ARM64 = (f".aws-sam/{name}/Replicator/bootstrap" for name in ("x86_64", "arm64"))

# Of the same length, because a package is a binary.
CHANGES = [
    (
        "a package that asks another runtime API",
        f"{PACKAGES}it_asks_the_runtime_api_for_its_first_event",
        "/2018-06-01/runtime/invocation/next",
        "/2015-03-31/runtime/invocation/next",
    ),
    (
        "a package that asks for no replica",
        f"{PACKAGES}it_replicates_a_secret",
        "secretsmanager.ReplicateSecretToRegions",
        "secretsmanager.ReplicateSecretToNowhere",
    ),
]

BREAKAGES = [
    *(
        Breakage(f"{says}, for {processor}", check, "", old, new, package)
        for says, check, old, new in CHANGES
        for processor, package in [("x86_64", X86_64), ("arm64", ARM64)]
    ),
    OtherFile(
        "a package for the other processor",
        f"{PACKAGES}the_packages_are_of_different_processors",
        X86_64,
        ARM64,
    ),
    OtherVariable(
        "tests that run what is not packaged",
        f"{PACKAGES}what_the_other_tests_run_is_what_is_packaged",
        "BOOTSTRAP",
        ("target/debug/bootstrap",),
    ),
    OtherVariable(
        "calls without those of the Rust tests",
        "check_permissions.py::test_the_whole_suite_was_seen",
        "CALLS",
        ("target/calls/independent.jsonl", "target/calls/moto.jsonl"),
    ),
]
