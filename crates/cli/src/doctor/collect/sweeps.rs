use aws_sdk_cloudwatch::types::Statistic;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::primitives::DateTime as SdkTime;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::super::checks::silence;
use super::super::facts::{Read, Stack, Subject, Sweep, Sweeps};
use super::read as checked;
use crate::access::Access;

/// The maximum number of executions that are searched for the last complete sweep. Quick sweeps that find
/// another one running are skipped.
const MAX_EXECUTIONS: usize = 20;

/// Reads the executions of the state machine.
pub(super) async fn read(access: &Access, stack: &Stack) -> Read<Sweeps> {
    let client = Client::new(access.config());
    let listed = client
        .list_executions()
        .state_machine_arn(stack.resource("Sweep"));
    let listed = listed.max_results(100).send().await;
    let listed = checked("states:ListExecutions", listed)?;
    let mut sweeps = Sweeps::default();
    let mut described = 0;
    for execution in listed.executions() {
        if execution.status().as_str() == "RUNNING" {
            sweeps.running = true;
            continue;
        }
        if described == MAX_EXECUTIONS {
            break;
        }
        described += 1;
        let found = client
            .describe_execution()
            .execution_arn(execution.execution_arn());
        let found = checked("states:DescribeExecution", found.send().await)?;
        if let Some(sweep) = sweep(&found) {
            sweeps.last = Some(sweep);
            break;
        }
    }
    Ok(sweeps)
}

/// Converts an execution. `None` if it was skipped, or was a dry run of an operator.
fn sweep(found: &DescribeExecutionOutput) -> Option<Sweep> {
    let json = |text: Option<&str>| -> Value {
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    };
    let (input, output) = (json(found.input()), json(found.output()));
    if output["outcome"] == "skipped" || input["dryRun"] == true {
        return None;
    }
    let error = [found.error(), found.cause()].into_iter().flatten();
    let error = error.collect::<Vec<_>>().join(": ");
    Some(Sweep {
        ended: time(found.stop_date()?)?,
        status: found.status().as_str().to_owned(),
        error: (!error.is_empty()).then_some(error),
        limited: output["limited"].as_u64().unwrap_or(0),
        failed: output["failed"].as_u64().unwrap_or(0),
    })
}

fn time(time: &SdkTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}

/// Reads in which hours of the last two periods the metric of sweeps has values.
pub(super) async fn metrics(
    access: &Access,
    subject: &Subject,
    stack: &Stack,
) -> Read<Vec<DateTime<Utc>>> {
    let begin = subject.now - silence(stack) * 2 - TimeDelta::hours(1);
    let answer = aws_sdk_cloudwatch::Client::new(access.config())
        .get_metric_statistics()
        .namespace(stack.parameter("MetricsNamespace"))
        .metric_name(stack.sweep_metric())
        .start_time(SdkTime::from_secs(begin.timestamp()))
        .end_time(SdkTime::from_secs(subject.now.timestamp()))
        .period(3600)
        .statistics(Statistic::SampleCount)
        .send()
        .await;
    let answer = checked("cloudwatch:GetMetricStatistics", answer)?;
    let times = answer.datapoints().iter();
    Ok(times.filter_map(|point| time(point.timestamp()?)).collect())
}
