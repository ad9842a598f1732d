//! The size of a Lambda function's environment.

use std::collections::BTreeMap;

/// The maximum size of all environment variables together, in bytes (Lambda developer guide, "Lambda
/// quotas").
pub const MAX_SIZE: usize = 4096;

/// The environment variables of the template, with their longest usual values, apart from
/// `REPLICATION_POLICY` and `ALLOWED_REPLICA_REGIONS`.
pub const OTHER_VARIABLES: [(&str, &str); 9] = [
    ("ALLOW_OVERWRITE", "false"),
    ("ALLOW_REMOVAL", "false"),
    ("ALLOW_PROMOTION", "false"),
    ("DRY_RUN", "false"),
    ("METRICS_NAMESPACE", "SecretReplicator"),
    ("OBSERVABILITY", "essential"),
    // Empty in a stack with `REPLICATION_POLICY`.
    ("REPLICATION_POLICY_FILE", ""),
    ("REPLICATION_WAIT_SECONDS", "120"),
    ("SWEEP_WRITES_PER_SECOND", "25"),
];

/// Returns the size of these variables as AWS measures it: the length of their JSON text, in which each
/// quotation mark and line break of a policy takes two bytes (reported by users: "String measured").
#[must_use]
pub fn size<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> usize {
    let variables: BTreeMap<&str, &str> = variables.into_iter().collect();
    serde_json::to_string(&variables).map_or(usize::MAX, |json| json.len())
}

/// Returns the size of the template's variables with this policy and these allowed Regions.
#[must_use]
pub fn size_with_policy(policy: &str, allowed_regions: &str) -> usize {
    let variables = [
        ("REPLICATION_POLICY", policy),
        ("ALLOWED_REPLICA_REGIONS", allowed_regions),
    ];
    size(variables.into_iter().chain(OTHER_VARIABLES))
}

/// Says how to deploy a policy that does not fit.
pub const REMEDIATION: &str = "shorten the policy, write it as YAML, or deploy it as a layer with \
    `secret-replicator package-policy`, whose file the variable REPLICATION_POLICY_FILE names";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotation_marks_and_line_breaks_take_two_bytes() {
        assert_eq!(size([("A", "b")]), r#"{"A":"b"}"#.len());
        assert_eq!(size([("A", "\"\n")]), r#"{"A":"\"\n"}"#.len());
    }
}
