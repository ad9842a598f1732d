//! The outcomes of the record, ordered by severity.

/// The outcome of an invocation for one secret, from the least to the most severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The secret was left alone, deliberately.
    Skipped,
    /// The wanted state was already there.
    Unchanged,
    /// A dry run: something would have been done.
    Planned,
    /// The wanted state was reached.
    Replicated,
    /// A Region gets no replica although a rule or a tag names it.
    Refused,
    /// The wanted state was not reached before the deadline.
    Pending,
    /// The wanted state cannot be reached as things are.
    Failed,
}

impl Outcome {
    /// The name in the record.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Unchanged => "unchanged",
            Self::Planned => "planned",
            Self::Replicated => "replicated",
            Self::Refused => "refused",
            Self::Pending => "pending",
            Self::Failed => "failed",
        }
    }

    /// The level of the record's log line.
    #[must_use]
    pub fn level(self) -> &'static str {
        match self {
            Self::Skipped | Self::Unchanged | Self::Planned | Self::Replicated => "INFO",
            Self::Refused | Self::Pending => "WARN",
            Self::Failed => "ERROR",
        }
    }
}
