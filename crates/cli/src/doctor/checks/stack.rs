//! The state and the version of the stack.

use super::super::facts::{FUNCTION, Stack, Subject};
use super::super::finding::{Finding, Link};

/// Checks that the stack exists, is one of this project, and has its resources.
pub(super) fn check(subject: &Subject, stack: Option<&Stack>) -> Option<Finding> {
    let (name, region) = (&subject.stack, &subject.region);
    let Some(stack) = stack else {
        return Some(Finding::error(
            Link::Stack,
            format!("no stack `{name}` exists in {region}"),
            "name the stack with --stack-name and its Region with --region, or deploy it",
        ));
    };
    let status = stack.status.as_str();
    let reason = stack.reason.as_deref();
    let because = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    let problem = format!("the stack `{name}` is {status}{because}");
    let events =
        format!("`aws cloudformation describe-stack-events --region {region} --stack-name {name}`");
    let finding = match status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => {
            return (!stack.resources.contains_key(FUNCTION)).then(|| {
                Finding::error(
                    Link::Stack,
                    format!("the stack `{name}` has no resource `{FUNCTION}`, so it is another application"),
                    "name the stack of secret-replicator with --stack-name",
                )
            });
        }
        "UPDATE_ROLLBACK_FAILED" => Finding::error(
            Link::Stack,
            problem,
            format!(
                "run `aws cloudformation continue-update-rollback --region {region} --stack-name {name}`; if the \
                 resource PolicyCheck failed, with `--resources-to-skip PolicyCheck` (docs/DEPLOY.md, Check of the \
                 deployment)"
            ),
        ),
        "UPDATE_ROLLBACK_COMPLETE" | "UPDATE_FAILED" | "IMPORT_ROLLBACK_COMPLETE" => {
            Finding::warning(
                Link::Stack,
                format!("{problem}; the function runs with the previous template"),
                format!("find the failed resource with {events}, and deploy again"),
            )
        }
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" => Finding::error(
            Link::Stack,
            problem,
            format!("find the failed resource with {events}, delete the stack, and deploy again"),
        ),
        status if status.starts_with("DELETE_") => Finding::error(
            Link::Stack,
            problem,
            format!(
                "if the deletion is not intended, find its caller with {events}, and deploy again"
            ),
        ),
        _ => Finding::warning(
            Link::Stack,
            problem,
            "wait for the end of the deployment, and run the command again",
        ),
    };
    Some(finding)
}

/// Compares the version of the stack with that of this tool.
pub(super) fn check_version(subject: &Subject, stack: &Stack) -> Option<Finding> {
    let version = stack.version.as_ref()?;
    let tool = &subject.tool_version;
    (version != tool).then(|| {
        Finding::warning(
            Link::Version,
            format!("the stack has version {version}, and this tool {tool}, so their decisions may differ"),
            "install the tool of the stack's version, or deploy the tool's version",
        )
    })
}
