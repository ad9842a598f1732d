use clap::Args;
use secret_replicator_core::secret::Secret;

use crate::coverage::{Coverage, State};
use crate::select::SelectOptions;

/// The options that select secrets and Regions.
#[derive(Args, Debug)]
pub(super) struct FilterOptions {
    /// Show only these states
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STATES")]
    only: Vec<State>,
    #[command(flatten)]
    select: SelectOptions,
}

/// Selects secrets and Regions.
pub(super) struct Filter<'a>(&'a FilterOptions);

impl FilterOptions {
    pub(super) fn get(&self) -> Filter<'_> {
        Filter(self)
    }
}

impl Filter<'_> {
    /// Returns the prefix of the names, if `ListSecrets` can filter by it.
    pub(super) fn name_prefix(&self) -> &str {
        self.0.select.name_prefix()
    }

    /// Returns the options as on the command line. `None` if there are none.
    pub(super) fn selection(&self) -> Option<String> {
        let FilterOptions { only, select } = self.0;
        let mut words = Vec::new();
        if !only.is_empty() {
            let states: Vec<String> = only.iter().map(|state| state.name()).collect();
            words.push(format!("--only {}", states.join(",")));
        }
        words.extend(select.words());
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// Returns whether the filter selects states.
    pub(super) fn has_states(&self) -> bool {
        !self.0.only.is_empty()
    }

    /// Returns whether name and tags select a secret.
    pub(super) fn selects(&self, secret: &Secret) -> bool {
        self.0.select.selects(&secret.name, &secret.tags)
    }

    /// Returns a secret with the Regions that have one of the states. `None` if there is none.
    pub(super) fn with_states(&self, mut coverage: Coverage) -> Option<Coverage> {
        let only = &self.0.only;
        if !only.is_empty() {
            coverage.regions.retain(|cell| only.contains(&cell.state));
        }
        (!coverage.regions.is_empty()).then_some(coverage)
    }
}
