"""A sweep that does something else than it should, or starts at another time."""

from breakages.breakage import STATE_MACHINE, Breakage

MACHINE = "test_sweep.py::test_"
WRONG_INPUT = f"{MACHINE}an_input_that_is_wrong_fails_before_any_slice"
STAYS_THROTTLED = f"{MACHINE}a_slice_that_stays_throttled_fails_the_sweep_in_the_end"
BESIDE_ANOTHER = f"{MACHINE}a_sweep_beside_a_running_one_stops_itself"
FIRST = f"{MACHINE}every_sweep_finds_the_same_one_first"
DEPLOYED = "test_sweep_with_the_function.py::test_"
IN_SYNC = f"{DEPLOYED}a_dry_run_changes_nothing_then_a_sweep_brings_every_secret_in_sync"
COUNTED = f"{DEPLOYED}a_secret_that_fails_is_counted_and_stops_no_sweep"
SCHEDULE = "test_stack.py::test_"

INPUT = [
    (
        "a sweep without input is a dry run",
        f"{MACHINE}a_sweep_without_input_is_a_real_one_with_the_limit_of_the_parameter",
        "$states.input.dryRun = true %}",
        "$exists($states.input.dryRun) ? $states.input.dryRun : true %}",
    ),
    (
        "the limit of the parameter counts for nothing",
        f"{MACHINE}the_limit_of_the_schedule_is_a_parameter",
        "$states.input.maxChanges : ${SweepMaxChanges} %}",
        "$states.input.maxChanges : 100 %}",
    ),
    (
        "null is refused",
        f"{MACHINE}null_is_absent",
        '$is("dryRun", ["boolean", "null"])',
        '$is("dryRun", ["boolean"])',
    ),
    (
        "every sweep begins at the first secret",
        f"{MACHINE}a_sweep_can_go_on_where_another_one_stopped",
        '$type($states.input.nextToken) = "string" ? $states.input.nextToken : null',
        "null",
    ),
    (
        "a dry run between quotation marks is a real one",
        WRONG_INPUT,
        '$is("dryRun", ["boolean", "null"])',
        '$is("dryRun", ["boolean", "string", "null"])',
    ),
    (
        "a limit of nothing is taken",
        WRONG_INPUT,
        "$input.maxChanges >= 1",
        "$input.maxChanges >= 0",
    ),
    (
        "a limit of one and a half is taken",
        WRONG_INPUT,
        " and $floor($input.maxChanges) = $input.maxChanges)",
        ")",
    ),
    (
        "a single unknown field is taken",
        WRONG_INPUT,
        "$exists($unknown) ?",
        "$count($unknown) > 1 ?",
    ),
    (
        "a number is taken for a token",
        WRONG_INPUT,
        '["string", "null"]',
        '["string", "number", "null"]',
    ),
    (
        "a wrong input is an error that the guide does not name",
        WRONG_INPUT,
        "Error: BadInput",
        "Error: WrongInput",
    ),
]

SLICES = [
    (
        "every slice begins at the first secret",
        f"{MACHINE}a_sweep_passes_the_token_on_from_slice_to_slice_and_ends",
        'nextToken: "{% $nextToken %}"',
        "nextToken: null",
    ),
    (
        "a slice that is throttled is tried again for ever",
        STAYS_THROTTLED,
        "MaxAttempts: 8",
        "MaxAttempts: 99999999",
    ),
    (
        "a slice that is throttled is given up soon",
        STAYS_THROTTLED,
        "MaxAttempts: 8",
        "MaxAttempts: 3",
    ),
    (
        "a slice that fails for good is tried again",
        f"{MACHINE}a_slice_that_fails_for_good_fails_the_sweep_with_the_functions_error",
        "- Lambda.ClientExecutionTimeoutException",
        "- States.TaskFailed",
    ),
    (
        "a sweep longer than AWS keeps the history of one",
        f"{MACHINE}the_history_of_the_longest_sweep_fits",
        "$slices >= 1000",
        "$slices >= 2000",
    ),
    (
        "a sweep that is too long does not say where to go on",
        f"{MACHINE}a_sweep_that_does_not_end_is_ended_and_says_how_to_go_on",
        ', "nextToken": $nextToken}',
        "}",
    ),
    (
        "a slice is tried again while the function is still at work",
        f"{MACHINE}a_slice_is_given_longer_than_the_function_has",
        "TimeoutSeconds: 120",
        "TimeoutSeconds: 60",
    ),
]

OTHER_SWEEPS = [
    (
        "a sweep looks for others that have ended",
        BESIDE_ANOTHER,
        "StatusFilter: RUNNING",
        "StatusFilter: SUCCEEDED",
    ),
    (
        "a sweep beside another one is a failure",
        BESIDE_ANOTHER,
        "Another sweep is running:\n    Type: Succeed\n",
        "Another sweep is running:\n    Type: Fail\n    Error: AnotherSweepIsRunning\n",
    ),
    (
        "the sweep that started last goes on",
        f"{MACHINE}of_sweeps_that_start_together_the_first_goes_on",
        "$toMillis(StartDate) < $started",
        "$toMillis(StartDate) > $started",
    ),
    (
        "two sweeps of the same millisecond both go on",
        FIRST,
        "\n            or ($toMillis(StartDate) = $started and ExecutionArn < $me)",
        "",
    ),
    (
        "a sweep goes by another time than the others see",
        FIRST,
        "$exists($listed) ? $listed : $states.context.Execution.StartTime",
        "$states.context.Execution.StartTime",
    ),
]

WITH_THE_FUNCTION = [
    (
        "a dry run of the sweep is a real one for the function",
        IN_SYNC,
        "Sweep a slice",
        'dryRun: "{% $dryRun %}"',
        "dryRun: false",
        STATE_MACHINE,
    ),
    (
        "the function is told only one of the Regions",
        IN_SYNC,
        "Replicator",
        '!Join [" ", !Ref AllowedReplicaRegions]',
        "!Select [0, !Ref AllowedReplicaRegions]",
    ),
    (
        "the limit of a sweep does not reach the function",
        f"{DEPLOYED}a_sweep_makes_no_more_changes_than_it_may",
        "Sweep a slice",
        'maxChanges: "{% $maxChanges %}"',
        "maxChanges: 100",
        STATE_MACHINE,
    ),
    (
        "a secret that fails fails the sweep",
        COUNTED,
        "Is the sweep complete?",
        '      - Condition: "{% $nextToken = null %}"\n',
        '      - Condition: "{% $states.input.failed > 0 %}"\n'
        "        Next: Too many slices\n"
        '      - Condition: "{% $nextToken = null %}"\n',
        STATE_MACHINE,
    ),
    (
        "the function never does more than a dry run",
        COUNTED,
        "Replicator",
        "DRY_RUN: !Ref DryRun",
        'DRY_RUN: "true"',
    ),
]

STARTING = [
    (
        "the schedule starts dry runs",
        f"{SCHEDULE}a_sweep_starts_every_hour",
        "Sweep",
        'Input: "{}"',
        "Input: '{\"dryRun\": true}'",
    ),
    (
        "sweeps that do not start wait among the failed events",
        f"{SCHEDULE}a_sweep_that_the_schedule_cannot_start_ends_in_a_queue",
        "Sweep",
        "Arn: !GetAtt UnstartedSweeps.Arn",
        "Arn: !GetAtt FailedEvents.Arn",
    ),
    (
        "failures of the sweep are in no log",
        f"{SCHEDULE}the_sweep_writes_its_failures_to_a_log_group_of_its_own",
        "Sweep",
        "Level: ERROR",
        'Level: "OFF"',
    ),
    (
        "the rate of writes is always the same",
        f"{SCHEDULE}the_parameters_of_the_sweep_reach_the_function",
        "Replicator",
        "SWEEP_WRITES_PER_SECOND: !Ref SweepWritesPerSecond",
        'SWEEP_WRITES_PER_SECOND: "25"',
    ),
    (
        "SAM names the schedule like a parameter",
        f"{SCHEDULE}what_sam_adds_to_the_template_is_named_like_no_parameter",
        "Sweep",
        "        Start:\n          Type: ScheduleV2",
        "        Schedule:\n          Type: ScheduleV2",
    ),
]

BREAKAGES = [
    Breakage(says, check, "", old, new, STATE_MACHINE)
    for says, check, old, new in INPUT + SLICES + OTHER_SWEEPS
] + [Breakage(*row) for row in WITH_THE_FUNCTION + STARTING]
