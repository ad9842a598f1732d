//! Every state of the world.

use std::collections::BTreeMap;

use secret_replicator_emulator::{SecretView, Service, Time};

use crate::clock;

/// A state of a name in a Region, and the time of its beginning. `None` if no secret has the name.
type State = (u64, Option<SecretView>);

/// The states of each name in each Region, oldest first. Times are in milliseconds since the beginning of
/// the world.
#[derive(Debug, Clone)]
pub(crate) struct Truth(BTreeMap<(String, String), Vec<State>>);

impl Truth {
    /// Takes the states out of a world that has ended.
    pub(crate) fn new(service: &Service) -> Truth {
        let history = service.with(|world, _| world.history()).into_iter();
        let relative = |(at, state): (Time, _)| (clock::since_beginning(at), state);
        let states = history.map(|(name, states)| {
            let states = states.into_iter().map(relative);
            (name, states.collect())
        });
        Truth(states.collect())
    }

    /// Returns the Regions and names that ever had a secret, with their states.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str, &[State])> {
        let all = self.0.iter();
        all.map(|((region, name), states)| (region.as_str(), name.as_str(), states.as_slice()))
    }

    /// Returns the secret that a name has in a Region at the end.
    pub(crate) fn last(&self, (region, name): (&str, &str)) -> Option<&SecretView> {
        let states = self.0.get(&(region.to_owned(), name.to_owned()))?;
        states.last()?.1.as_ref()
    }

    /// Returns the states of a name in a Region from `from` to `until`, both included.
    pub(crate) fn during(
        &self,
        (region, name): (&str, &str),
        from: u64,
        until: u64,
    ) -> impl Iterator<Item = Option<&SecretView>> {
        let states = self.0.get(&(region.to_owned(), name.to_owned()));
        let states = states.map_or(&[][..], Vec::as_slice);
        let first = states.partition_point(|(since, _)| *since < from);
        let has_none_before = first == 0;
        let shown = states[first.saturating_sub(1)..].iter();
        let shown = shown.take_while(move |(since, _)| *since <= until);
        let before = has_none_before.then_some(None);
        before
            .into_iter()
            .chain(shown.map(|(_, state)| state.as_ref()))
    }
}

/// Returns the six characters that a secret and its replicas share.
pub(crate) fn suffix(arn: &str) -> &str {
    arn.rsplit('-').next().unwrap_or_default()
}
