use super::{Conclusion, RegionState};

/// The outcome of an invocation, from the lightest to the gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The secret was left alone, deliberately.
    Skipped,
    /// The wanted state was there already.
    Unchanged,
    /// A dry run: something would have been done.
    Planned,
    /// The wanted state was reached.
    Replicated,
    /// A Region gets no replica although a rule or a tag names it.
    Refused,
    /// The wanted state was not reached yet when the time was up.
    Pending,
    /// The wanted state cannot be reached as things are.
    Failed,
}

impl Outcome {
    /// The outcome of a look at a secret: the gravest among the Regions.
    #[must_use]
    pub fn of(conclusion: &Conclusion) -> Self {
        match conclusion {
            Conclusion::Skipped(_) => Self::Skipped,
            Conclusion::NotReady(_) => Self::Pending,
            Conclusion::Unreadable(_) => Self::Failed,
            Conclusion::Covered { regions, .. } => regions
                .iter()
                .map(|region| outcome_of(&region.state))
                .max()
                .unwrap_or(Self::Unchanged),
        }
    }

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

fn outcome_of(state: &RegionState) -> Outcome {
    match state {
        RegionState::InSync(Some(_)) | RegionState::Removed(_) => Outcome::Replicated,
        RegionState::InProgress(_) => Outcome::Pending,
        RegionState::Failed(..) => Outcome::Failed,
        RegionState::Refused(refusal, _) if refusal.counts() => Outcome::Refused,
        RegionState::Spared(..) => Outcome::Refused,
        RegionState::InSync(None) | RegionState::Refused(..) => Outcome::Unchanged,
        RegionState::Planned | RegionState::PlannedRemoval(_) => Outcome::Planned,
    }
}
