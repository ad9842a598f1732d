//! The remediations of a report, one for each reason.

use std::collections::BTreeMap;

use secret_replicator_core::policy::escape_control;

use crate::terminal::{STRONG, paint, wrap};

/// Remediations by reason, or by state if it has no reason.
#[derive(Debug, Default)]
pub(crate) struct Remedies(BTreeMap<String, Remedy>);

/// A remediation of the first of the secrets that need one.
#[derive(Debug)]
pub(crate) struct Remedy {
    text: String,
    /// The name of the secret.
    secret: String,
    /// Whether all secrets have the same remediation.
    is_shared: bool,
}

impl Remedy {
    /// Creates the remediation of a first secret.
    pub(crate) fn new(secret: &str, text: &str) -> Self {
        Self {
            text: text.to_owned(),
            secret: secret.to_owned(),
            is_shared: true,
        }
    }

    /// Notes the remediation of another secret.
    pub(crate) fn note(&mut self, text: &str) {
        self.is_shared &= self.text == text;
    }

    /// Returns the remediation.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the name of the secret. `None` if others have the same remediation.
    pub(crate) fn example(&self) -> Option<&str> {
        (!self.is_shared).then_some(self.secret.as_str())
    }
}

impl Remedies {
    /// Adds the remediation of a secret.
    pub(crate) fn add(&mut self, reason: &str, secret: &str, text: &str) {
        match self.0.get_mut(reason) {
            Some(remedy) => remedy.note(text),
            None => {
                self.0.insert(reason.to_owned(), Remedy::new(secret, text));
            }
        }
    }

    /// Formats the remediations. `None` if there are none.
    pub(crate) fn text(&self) -> Option<String> {
        let lines = self.0.iter().map(|(reason, remedy)| {
            let example = remedy.example();
            let example = example.map_or_else(String::new, |name| {
                format!(", for example {}", escape_control(name))
            });
            format!("  {reason}{example}:\n{}", wrap("    ", 4, &remedy.text))
        });
        let lines: String = lines.collect();
        (!lines.is_empty()).then(|| format!("{}\n{lines}", paint(STRONG, "Remediation")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remediation_that_others_do_not_share_names_its_secret() {
        let mut remedies = Remedies::default();
        remedies.add("weaker-encryption", "db", "name a key for alias/db");
        remedies.add("weaker-encryption", "app", "name a key for alias/app");
        remedies.add("missing", "db", "wait");
        remedies.add("missing", "app", "wait");
        let text = remedies.text().unwrap();
        assert!(
            text.contains("  weaker-encryption, for example db:\n"),
            "{text}"
        );
        assert!(text.contains("  missing:\n"), "{text}");
        assert_eq!(Remedies::default().text(), None);
    }
}
