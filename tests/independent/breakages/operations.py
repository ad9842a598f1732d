"""Commands of guides and outputs that do not do what is said of them."""

from breakages.breakage import Breakage

OPERATIONS = "test_operations.py::test_"
FIRST_SECRET = (
    f"{OPERATIONS}the_first_secret_is_replicated_where_the_stacks_own_region_is_first_in_the_list"
)

GUIDES = [
    (
        "a command of operations that there is not",
        f"{OPERATIONS}every_command_of_operations_runs_and_the_secret_can_be_deleted",
        "docs/OPERATIONS.md",
        "aws sqs purge-queue",
        "aws sqs empty-queue",
    ),
    (
        "a sweep that is stopped by what is not its execution",
        f"{OPERATIONS}a_sweep_can_be_stopped_as_operations_says",
        "docs/OPERATIONS.md",
        "aws stepfunctions stop-execution --execution-arn",
        "aws stepfunctions stop-execution --state-machine-arn",
    ),
    (
        "a resource that the stack has not",
        f"{OPERATIONS}the_commands_of_the_readme_run",
        "README.md",
        "--logical-resource-id Replicator",
        "--logical-resource-id Function",
    ),
]

OUTPUTS = [
    (
        "a backfill with an input that is refused",
        f"{OPERATIONS}the_command_of_the_output_starts_a_backfill",
        "BackfillCommand",
        '{"maxChanges": 5000}',
        '{"max-changes": 5000}',
    ),
    (
        "a command about trails that there is not",
        f"{OPERATIONS}the_commands_of_the_other_outputs_run",
        "EventsNeedATrail",
        "aws cloudtrail describe-trails",
        "aws cloudtrail show-trails",
    ),
    (
        "a first secret with a tag that nothing looks at",
        f"{OPERATIONS}the_commands_of_the_other_outputs_run",
        "FirstSecretCommand",
        "Key=replicate-to",
        "Key=replicate",
    ),
    (
        "a first secret that wants to be where it is",
        FIRST_SECRET,
        "FirstSecretCommand",
        'Regions: !Join ["+", !Ref AllowedReplicaRegions]',
        "Regions: !Select [0, !Ref AllowedReplicaRegions]",
    ),
]

BREAKAGES = [
    Breakage(says, check, "", old, new, file) for says, check, file, old, new in GUIDES
] + [Breakage(*row) for row in OUTPUTS]
