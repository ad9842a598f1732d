use std::cmp::Ordering;
use std::sync::LazyLock;

use clap::ValueEnum;
use serde::Serialize;

use super::Kind;
use crate::coverage::{Cell, Change, State};

/// What a cell of the matrix shows. Sorted from the gravest to the mildest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The state of the secret in the Region.
    State(State),
    /// A change that the function would make there.
    Change(Change),
}

const CHANGES: [Change; 4] = [
    Change::Remove,
    Change::Overwrite,
    Change::Repair,
    Change::Create,
];

/// The color of a mark. The symbol and the label say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Tone {
    Bad,
    Warning,
    Change,
    Good,
    Quiet,
}

impl Tone {
    /// Returns the name of the class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warning => "warning",
            Self::Change => "change",
            Self::Good => "good",
            Self::Quiet => "quiet",
        }
    }
}

impl Mark {
    /// Returns the mark of a cell. A plan shows the change, unless another secret has the name in the Region.
    pub(super) fn of(kind: Kind, cell: &Cell) -> Self {
        match (kind, cell.dry_run.change()) {
            (Kind::Plan, Some(change)) if !cell.is_name_taken() => Self::Change(change),
            _ => Self::State(cell.state),
        }
    }

    /// Returns all marks, sorted.
    pub(super) fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Mark>> = LazyLock::new(|| {
            let states = State::value_variants().iter().copied();
            let mut all: Vec<Mark> = states.map(Mark::State).collect();
            all.extend(CHANGES.map(Mark::Change));
            all.sort_unstable();
            all
        });
        &ALL
    }

    /// Returns whether the mark is a state that differs from the wanted one.
    pub(super) fn is_problem(self) -> bool {
        matches!(self, Self::State(state) if state.is_problem())
    }

    fn severity(self) -> (u8, u8) {
        match self {
            Self::State(state) if state.is_problem() => (0, state as u8),
            Self::Change(change) => (1, change as u8),
            Self::State(state) => (2, state as u8),
        }
    }

    /// Returns the label, for people.
    pub(super) fn label(self) -> String {
        match self {
            Self::State(State::KmsKeyDiffers) => "KMS key differs".to_owned(),
            Self::State(state) => state.name().replace('-', " "),
            Self::Change(change) => change.name().to_owned(),
        }
    }

    /// Returns a sentence about the meaning.
    pub(super) fn meaning(self) -> String {
        match self {
            Self::State(state) => {
                let value = state.to_possible_value();
                let help = value.and_then(|value| value.get_help().map(ToString::to_string));
                help.unwrap_or_default()
            }
            Self::Change(change) => change_meaning(change).to_owned(),
        }
    }

    /// Returns a symbol, so that colors are not needed.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::State(state) => state_symbol(state),
            Self::Change(Change::Create) => "+",
            Self::Change(Change::Overwrite) => "»",
            Self::Change(Change::Repair) => "↻",
            Self::Change(Change::Remove) => "−",
        }
    }

    /// Returns the color.
    pub(super) fn tone(self) -> Tone {
        match self {
            Self::State(state) => state_tone(state),
            Self::Change(Change::Create | Change::Repair) => Tone::Change,
            Self::Change(Change::Overwrite | Change::Remove) => Tone::Warning,
        }
    }
}

impl Ord for Mark {
    fn cmp(&self, other: &Self) -> Ordering {
        self.severity().cmp(&other.severity())
    }
}

impl PartialOrd for Mark {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn state_symbol(state: State) -> &'static str {
    match state {
        State::Unreadable => "?",
        State::Failed => "✕",
        State::Shadowed => "■",
        State::Promoted => "▲",
        State::Missing => "○",
        State::Behind => "◄",
        State::KmsKeyDiffers => "≠",
        State::Refused => "!",
        State::Unwanted => "÷",
        State::InProgress => "…",
        State::NotCovered | State::Excluded => "–",
        State::InSync => "✓",
    }
}

fn state_tone(state: State) -> Tone {
    match state {
        State::Unreadable | State::Failed | State::Shadowed | State::Promoted | State::Missing => {
            Tone::Bad
        }
        State::Behind | State::KmsKeyDiffers | State::Refused | State::Unwanted => Tone::Warning,
        State::InProgress => Tone::Change,
        State::InSync => Tone::Good,
        State::NotCovered | State::Excluded => Tone::Quiet,
    }
}

fn change_meaning(change: Change) -> &'static str {
    match change {
        Change::Remove => "The function would remove the replica, which no rule wants",
        Change::Overwrite => "The function would overwrite another secret of the same name",
        Change::Repair => "The function would request the failed replica again",
        Change::Create => "The function would create the replica",
    }
}
