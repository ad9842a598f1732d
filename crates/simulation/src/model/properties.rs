//! What must hold in every state, and what must happen in some.

use stateright::{Model, Property};

use super::steps::{Wrong, remove, replicate};
use super::{Action, Concurrency, Row, Run, State, Tag, Version};

impl Model for Concurrency {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut states = Vec::new();
        for tag in [Tag::Absent, Tag::First, Tag::Both] {
            for rows in [[Row::None; 2], [Row::InSync; 2], [Row::None, Row::InSync]] {
                let eu_only = false;
                let version = Version { tag, eu_only, rows };
                states.push(State::initial(self.owner_acts, version));
            }
        }
        states
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        state.actions(actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let next = state.after(self, action);
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Concurrency>> {
        vec![
            Property::always(
                "no replica is asked for that the last look did not want",
                |_, state: &State| state.wrong != Some(Wrong::Request),
            ),
            Property::always(
                "nothing is removed that the last look wanted, or before the rest is in sync",
                |_, state: &State| state.wrong != Some(Wrong::Removal),
            ),
            Property::always(
                "one more reconciliation reaches the wanted state, and the next writes nothing",
                |model: &Concurrency, state: &State| {
                    !state.is_quiet() || converges(model, state.now)
                },
            ),
            Property::sometimes(
                "sometimes the function removes a replica",
                |_, state: &State| state.has_removed,
            ),
            Property::sometimes("sometimes an answer is lost", |_, state: &State| {
                state.losses == 0 && matches!(state.runs[0], Run::Repeating { .. })
            }),
            Property::sometimes(
                "sometimes a decision is old when it is carried out",
                |_, state: &State| matches!(state.runs[0], Run::Requesting { seen } if seen.tag != state.now.tag),
            ),
            Property::sometimes(
                "sometimes a removal is decided twice",
                |_, state: &State| {
                    matches!(state.runs, [Run::Removing { .. }, Run::Removing { .. }])
                },
            ),
            Property::sometimes(
                "sometimes nothing is as it is wanted in the end",
                |_, state: &State| {
                    state.is_quiet()
                        && (0..2).all(|r| state.now.wants(r) != (state.now.rows[r] == Row::InSync))
                },
            ),
        ]
    }
}

/// Whether one more reconciliation, undisturbed, reaches the wanted state, and the next writes
/// nothing.
fn converges(model: &Concurrency, mut now: Version) -> bool {
    let before = now;
    for region in 0..2 {
        if model.decided(now).requests[region] {
            replicate(&mut now, region);
            now.rows[region] = Row::InSync;
        }
    }
    for region in 0..2 {
        if model.decided(now).removes[region] {
            remove(&mut now, region);
            now.rows[region] = Row::None;
        }
    }
    let again = model.decided(now);
    // A Region that is named and forbidden may be a slip, or a move that does not succeed: until then
    // what no rule wants is kept.
    let is_unclear = (0..2).any(|region| now.names(region) && !now.wants(region));
    let is_reached = |region: usize| match (now.is_covered(), now.wants(region)) {
        (false, _) => now.rows[region] == before.rows[region],
        (true, true) => now.rows[region] == Row::InSync,
        (true, false) if is_unclear && !now.names(region) => {
            now.rows[region] == before.rows[region]
        }
        (true, false) => now.rows[region] == Row::None,
    };
    (0..2).all(is_reached) && again.requests == [false; 2] && again.removes == [false; 2]
}
