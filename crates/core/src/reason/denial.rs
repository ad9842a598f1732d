//! Reads IAM's access-denied messages.

/// The type of policy that denies a call. The remediation depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyType {
    /// A policy of the function's role.
    Identity,
    /// The role's permissions boundary.
    PermissionsBoundary,
    /// A service control policy of the organization.
    ServiceControl,
    /// A resource control policy of the organization.
    ResourceControl,
    /// A policy of the assumed-role session.
    Session,
    /// The policy of a VPC endpoint.
    VpcEndpoint,
    /// The policy of the secret, or of the key.
    Resource,
    /// The message names no policy type, or one that this version does not know.
    Unnamed,
}

/// The action and the policy type that an access-denied message names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Denial<'a> {
    /// The denied action, for instance `kms:Decrypt`.
    pub action: &'a str,
    /// The policy type that denies it.
    pub policy: PolicyType,
}

/// IAM's name for each policy type (IAM user guide, "Troubleshoot access denied error messages").
const POLICY_TYPES: [(&str, PolicyType); 7] = [
    ("identity-based policy", PolicyType::Identity),
    ("permissions boundary", PolicyType::PermissionsBoundary),
    ("service control policy", PolicyType::ServiceControl),
    ("resource control policy", PolicyType::ResourceControl),
    ("session policy", PolicyType::Session),
    ("vpc endpoint policy", PolicyType::VpcEndpoint),
    ("resource-based policy", PolicyType::Resource),
];

impl<'a> Denial<'a> {
    /// Parses `… is not authorized to perform: ACTION on resource: … because no TYPE allows the ACTION
    /// action` and `… with an explicit deny in a TYPE`. A message without a known type is `Unnamed`.
    /// Returns `None` for a message without an action.
    #[must_use]
    pub(super) fn parse(message: &'a str) -> Option<Self> {
        let (_, rest) = message.split_once("is not authorized to perform: ")?;
        let action = rest.split_whitespace().next()?;
        // Users choose the resource's name between the action and the reason, so the type is looked up
        // only after the reason's words.
        let reason = ["because no ", "with an explicit deny in "]
            .iter()
            .find_map(|reason| Some(rest.split_once(reason)?.1));
        let reason = reason.unwrap_or_default().to_ascii_lowercase();
        let starts_with = |words: &str| {
            let reason = reason.trim_start_matches("a ").trim_start_matches("an ");
            reason.starts_with(words)
        };
        let policy = POLICY_TYPES
            .iter()
            .find(|(words, _)| starts_with(words))
            .map_or(PolicyType::Unnamed, |(_, policy)| *policy);
        Some(Self { action, policy })
    }

    /// Returns whether the denied action is one of AWS KMS.
    #[must_use]
    pub(super) fn is_about_a_key(&self) -> bool {
        self.action.starts_with("kms:")
    }
}

impl PolicyType {
    /// Returns how to allow a call to Secrets Manager.
    pub(super) fn remediation(self) -> &'static str {
        match self {
            Self::Identity => {
                "allow the function's role the action that AWS names, and check that \
                 AllowedReplicaRegions contains the Region: the role allows no other \
                 (secretsmanager:AddReplicaRegions)"
            }
            Self::PermissionsBoundary => {
                "allow the action that AWS names in the role's permissions boundary (the stack's \
                 PermissionsBoundaryArn)"
            }
            Self::ServiceControl => {
                "allow the action that AWS names in the organization's service control policy, for \
                 this account, this Region and the function's role"
            }
            Self::ResourceControl => {
                "allow the action that AWS names in the organization's resource control policy, for \
                 the function's role"
            }
            Self::Session => {
                "remove the session policy from the function's credentials: those that Lambda \
                 provides have none"
            }
            Self::VpcEndpoint => {
                "allow the action that AWS names in the policy of the VPC endpoint that the function \
                 uses"
            }
            Self::Resource => {
                "remove the deny from the secret's resource policy, or exempt the function's role \
                 from it"
            }
            Self::Unnamed => {
                "allow the function's role the action that AWS names; a service control policy, or \
                 the allowed Regions in the role (secretsmanager:AddReplicaRegions), can deny it too"
            }
        }
    }

    /// Returns how to allow a call to AWS KMS, which Secrets Manager makes as the function's role.
    pub(super) fn key_remediation(self) -> &'static str {
        match self {
            Self::Identity => {
                "add the key's ARN to the stack's KmsKeyArns, so that the function's role may use it"
            }
            Self::Resource => "allow the function's role the action in the key's policy",
            Self::PermissionsBoundary
            | Self::ServiceControl
            | Self::ResourceControl
            | Self::Session
            | Self::VpcEndpoint => self.remediation(),
            Self::Unnamed => {
                "allow the function's role kms:Decrypt on the primary secret's key, and \
                 kms:GenerateDataKey and kms:Encrypt on the replica's key, both in the role \
                 (KmsKeyArns) and in the key policies"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(reason: &str) -> PolicyType {
        let message = format!(
            "User: arn:aws:sts::123456789012:assumed-role/f/f is not authorized to perform: \
             kms:Decrypt on resource: arn:aws:kms:eu-west-1:123456789012:key/k {reason}"
        );
        let denial = Denial::parse(&message).unwrap();
        assert_eq!(denial.action, "kms:Decrypt");
        denial.policy
    }

    #[test]
    fn every_policy_type_is_read_in_both_forms() {
        for (words, policy) in POLICY_TYPES {
            let missing = format!("because no {words} allows the kms:Decrypt action");
            assert_eq!(denied(&missing), policy);
            for article in ["a", "an"] {
                assert_eq!(
                    denied(&format!("with an explicit deny in {article} {words}")),
                    policy
                );
            }
        }
        let endpoint = "because no VPC endpoint policy allows the kms:Decrypt action";
        assert_eq!(denied(endpoint), PolicyType::VpcEndpoint);
        let named = "with an explicit deny in a service control policy: arn:aws:organizations::1:p";
        assert_eq!(denied(named), PolicyType::ServiceControl);
        assert_eq!(denied(""), PolicyType::Unnamed);
        assert_eq!(
            denied("because no new kind of policy allows it"),
            PolicyType::Unnamed
        );
    }

    #[test]
    fn other_messages_are_not_denials() {
        assert_eq!(Denial::parse("Access to KMS is not allowed"), None);
        assert_eq!(Denial::parse("is not authorized to perform: "), None);
    }
}
