//! The outcomes of the record, ordered by severity.

/// The outcome of an invocation for one secret, from the least to the most severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The secret was deliberately skipped.
    Skipped,
    /// The secret was already in the wanted state.
    Unchanged,
    /// A dry run found changes to make.
    Planned,
    /// The wanted state was reached.
    Replicated,
    /// The replica was promoted.
    Promoted,
    /// A Region that a rule or a tag names gets no replica.
    Refused,
    /// The wanted state was not reached before the deadline.
    Pending,
    /// The wanted state cannot be reached without a fix.
    Failed,
}

impl Outcome {
    /// Returns the name in the record.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Unchanged => "unchanged",
            Self::Planned => "planned",
            Self::Replicated => "replicated",
            Self::Promoted => "promoted",
            Self::Refused => "refused",
            Self::Pending => "pending",
            Self::Failed => "failed",
        }
    }

    /// Returns the log level of the record.
    #[must_use]
    pub fn level(self) -> &'static str {
        match self {
            Self::Skipped | Self::Unchanged | Self::Planned | Self::Replicated | Self::Promoted => {
                "INFO"
            }
            Self::Refused | Self::Pending => "WARN",
            Self::Failed => "ERROR",
        }
    }
}
