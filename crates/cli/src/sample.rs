//! A part of the names of many secrets, for a report that fits on a screen.

use std::collections::BTreeSet;

use secret_replicator_core::policy::escape_control;

/// Secrets that have something in common.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    /// The number of secrets.
    pub(crate) count: usize,
    /// The first names.
    names: BTreeSet<String>,
}

impl Sample {
    /// The number of names that fit beside other text.
    pub(crate) const NAMES: usize = 5;

    /// Adds a secret. Keeps the first names up to a limit.
    pub(crate) fn add(&mut self, name: &str, limit: usize) {
        self.count += 1;
        self.names.insert(name.to_owned());
        if self.names.len() > limit {
            self.names.pop_last();
        }
    }

    /// Formats the names and the number of the others.
    pub(crate) fn text(&self) -> String {
        let names: Vec<_> = self.names.iter().map(|name| escape_control(name)).collect();
        let names = names.join(", ");
        match self.count.saturating_sub(self.names.len()) {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_the_first_names_and_the_number_of_the_others() {
        let mut sample = Sample::default();
        for name in ["c", "a", "d", "b"] {
            sample.add(name, 3);
        }
        assert_eq!(sample.text(), "a, b, c and 1 more");
        let mut all = Sample::default();
        all.add("b", usize::MAX);
        all.add("a", usize::MAX);
        assert_eq!(all.text(), "a, b");
    }
}
