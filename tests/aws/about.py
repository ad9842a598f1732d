"""What the commands of `tests/aws` need, create and cost. `make test-aws` without arguments prints it."""

import sys

ABOUT = """\
Tests with a real AWS account. They create resources and delete them afterwards, also after Ctrl-C.

  make test-aws PROFILE=test REGION=eu-west-1 REPLICA_REGION=eu-central-1
      Builds the function, deploys a stack of its own, follows the story of the README and provokes alarms.
      Estimated: 45 minutes, less than 0.20 USD. ALARM_MINUTES=0 skips the alarms (20 minutes).
      TRAIL=true adds a CloudTrail trail, for an account without one.
  make probe-aws PROFILE=test REGION=eu-west-1 REPLICA_REGION=eu-central-1
      Asks AWS what its documentation leaves open. No stack. Estimated: 30 minutes, less than 0.20 USD.
      ONLY=removal-timing,replica-exists limits the questions.
  make test-aws-clean PROFILE=test REGION=eu-west-1 REPLICA_REGION=eu-central-1 RUN=sr-test-0a1b2c3d4e
      Deletes what remains of a run.

PROFILE is a profile of the AWS CLI; PROFILE=default is the default one.
test-aws creates in REGION a CloudFormation stack (roles, a function, a state machine, queues, alarms, a
dashboard), a bucket, log groups and six secrets; in REPLICA_REGION three replicas and one secret.
probe-aws creates about 40 secrets, most of them without a replica, a rule and a queue in each Region, and a
multi-Region KMS key, which AWS deletes after seven days.
All names begin with the name of the run. No other secret is changed.
The cost rests on charges by the hour. CONTRIBUTING.md, "Tests with a real account", calculates it, with an upper
bound, and lists the permissions.
"""

if __name__ == "__main__":
    sys.exit(ABOUT)
