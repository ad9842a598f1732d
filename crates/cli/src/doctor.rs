//! `secret-replicator doctor`: follows the chain from a changed secret to its replica and to the operators, and
//! reports each faulty link with its remediation.
//!
//! | module | content |
//! |---|---|
//! | `facts` | what the checks evaluate |
//! | `collect` | reads the facts with the AWS SDK |
//! | `checks` | the checks, without input and output |
//! | `finding` | what they report |
//! | `permissions` | the calls that the roles must be allowed to make |
//! | `resource_policy` | evaluates the policies of function and key |
//! | `settings` | the settings of the deployed function |
//! | `report` | the output |

mod checks;
mod collect;
mod facts;
mod finding;
mod permissions;
mod report;
mod resource_policy;
mod settings;
#[cfg(test)]
mod tests;

use chrono::Utc;
use clap::Args;
use secret_replicator_core::secret::Region;

use crate::access::{Access, AccessOptions, run_async};
use crate::options::{self, Format};
use crate::output::CommandOutput;
use facts::Subject;

/// The options of `doctor`.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  secret-replicator doctor --stack-name secret-replicator --region us-east-1
  secret-replicator doctor --stack-name secret-replicator --profile audit --output json
  secret-replicator doctor --stack-name secret-replicator --invoke

Exit codes:
  0  every link is in order
  1  the stack cannot be read
  2  findings, for example that the stack does not exist")]
pub(crate) struct Arguments {
    /// The name of the CloudFormation stack
    #[arg(long, value_name = "NAME", value_parser = options::stack)]
    stack_name: String,
    /// The Region of the stack; without this option, the configured one
    #[arg(long, value_name = "REGION", value_parser = options::region)]
    region: Option<Region>,
    #[command(flatten)]
    access: AccessOptions,
    /// Also invoke the function, with an action that never writes; needs `lambda:InvokeFunction`
    #[arg(long)]
    invoke: bool,
    /// The output format
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

/// Examines a stack.
///
/// # Errors
/// No Region is configured, or the stack cannot be read.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<CommandOutput> {
    run_async(async {
        let access = Access::load(&arguments.access, arguments.region.as_ref()).await?;
        let subject = Subject {
            stack: arguments.stack_name.clone(),
            region: access.region()?,
            now: Utc::now(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let facts = collect::facts(&access, subject, arguments.invoke).await?;
        report::output(&facts.subject, &checks::diagnose(&facts), arguments.output)
    })
}
