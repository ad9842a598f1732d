"""Guides, workflow and samples that are not true any more."""

from breakages.breakage import CHECKOV_WORKFLOW, Breakage

ROWS = [
    ("a workflow that may write", CHECKOV_WORKFLOW, ".github/workflows/test.yaml", "contents: read", "write-all"),
    (
        "an action that moves",
        "test_workflow.py::test_actions_are_pinned_by_commit_and_machines_and_toolchain_by_version",
        ".github/workflows/test.yaml",
        "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065",
        "actions/setup-python@v5",
    ),
    (
        "a processor that is not built for",
        "test_workflow.py::test_it_builds_and_keeps_the_package_of_every_architecture_of_the_template",
        ".github/workflows/test.yaml",
        "[arm64, x86_64]",
        "[arm64]",
    ),
    (
        "a sum that is wrong",
        "test_deploy.py::test_the_sums_of_the_cost_table_are_right_and_of_the_prices_above",
        "docs/DEPLOY.md",
        "| 800.00 |",
        "| 80.00 |",
    ),
    (
        "alarms that are not counted",
        "test_deploy.py::test_the_cost_table_counts_what_the_template_makes",
        "docs/DEPLOY.md",
        "13 * 0.10",
        "12 * 0.10",
    ),
    (
        "an option that there is not",
        "test_deploy.py::test_the_tools_take_the_commands",
        "docs/DEPLOY.md",
        "--resolve-s3",
        "--resolve-bucket",
    ),
    (
        "a parameter that there is not",
        "test_deploy.py::test_the_parameters_are_the_templates",
        "docs/DEPLOY.md",
        "DryRun=false",
        "DryRuns=false",
    ),
    (
        "a link to nowhere",
        "test_deploy.py::test_every_link_leads_somewhere",
        "docs/SECURITY.md",
        "(OPERATIONS.md#alarms)",
        "(OPERATIONS.md#bells)",
    ),
    (
        "a metric that is not written",
        "test_observability.py::test_the_reference_lists_the_metrics_that_the_binary_writes",
        "docs/REFERENCE.md",
        "`SweepDrift`",
        "`SweepDrifts`",
    ),
    (
        "a mistake in the policy of the guide",
        "test_deploy.py::test_the_policy_about_the_tag_has_no_mistake",
        "docs/SECURITY.md",
        "secretsmanager:UntagResource",
        "secretsmanager:UntagSecret",
    ),
    (
        "a parameter or output that a guide made up",
        "test_deploy.py::test_the_parameters_and_outputs_that_a_page_names_are_there",
        "docs/OPERATIONS.md",
        "`SweepMaxChanges`",
        "`SweepChanges`",
    ),
    (
        "metrics that are not counted",
        "test_observability.py::test_the_cost_table_counts_the_metrics_that_the_binary_writes",
        "docs/DEPLOY.md",
        "(15 + 6 * 2)",
        "(14 + 6 * 2)",
    ),
    (
        "state transitions that are not counted",
        "test_sweep.py::test_a_sweep_of_one_slice_makes_the_state_transitions_of_the_cost_table",
        "docs/DEPLOY.md",
        "730 * 7",
        "730 * 6",
    ),
    (
        "a package that make does not install in the workflow",
        "test_workflow.py::test_it_installs_what_make_installs_for_root",
        ".github/workflows/test.yaml",
        "valgrind ",
        "",
    ),
    (
        "a table that is not what the demo prints",
        "test_readme.py::test_the_demo_ends_with_the_table_of_the_readme",
        "README.md",
        "managed-by-service                 ┆",
        "managed-by-somebody                ┆",
    ),
    (
        "a sample that nobody tries",
        "test_template.py::test_every_sample_event_is_tried_on_the_rule",
        "tests/independent/test_template.py",
        '    "untag-resource.json",\n',
        "",
    ),
]

BREAKAGES = [Breakage(says, check, "", old, new, file) for says, check, file, old, new in ROWS]
