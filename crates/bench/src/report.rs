//! Tables, plots and the document.

mod plots;
mod tables;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;

use crate::results::Results;
use tables::Section;

/// Prints the tables.
pub(crate) fn print(results: &Results) {
    for (title, section) in tables::all(results) {
        if let Some(section) = section {
            println!("\n{title}\n\n{}", section.body);
        }
    }
}

/// Writes `PERFORMANCE.md` and its plots into the directory `docs`. Keeps the sections of parts that were not measured.
pub(crate) fn write(results: &Results, docs: &Path) -> anyhow::Result<()> {
    let path = docs.join("PERFORMANCE.md");
    let earlier = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        earlier => earlier.with_context(|| format!("failed to read {}", path.display()))?,
    };
    let sections = tables::all(results).map(|(title, section)| {
        let measured = section.map(|section| text(title, &section));
        (title, measured)
    });
    plots::draw(results, &docs.join("performance"))?;
    let text = include_str!("report/method.md").to_owned() + &merged(&earlier, sections);
    fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))
}

/// Formats a section with the machine and the plots.
fn text(title: &str, section: &Section) -> String {
    let machine = &section.machine;
    let mut text = format!(
        "{}\n\n{}\n\n{} cores of {}, Linux {}, {} root certificates, load {:.1}, {}.\n",
        section.body,
        section.note,
        machine.cores,
        machine.processor,
        machine.kernel,
        machine.roots,
        machine.load,
        machine.date
    );
    for plot in plots::of(title) {
        // Writing to a string never fails.
        let _ = write!(text, "\n![{}](performance/{})\n", plot.title, plot.file);
    }
    text
}

/// The beginning of a section's title.
const TITLE: &str = "\n## ";

/// Formats the sections. One that was not measured is as in the earlier document, if that has it.
fn merged<'a>(
    earlier: &str,
    sections: impl IntoIterator<Item = (&'a str, Option<String>)>,
) -> String {
    let known = earlier.split(TITLE);
    let known: BTreeMap<&str, &str> = known
        .filter_map(|section| section.split_once("\n\n"))
        .collect();
    let sections = sections.into_iter().filter_map(|(title, measured)| {
        let text = measured.or_else(|| known.get(title).map(|text| (*text).to_owned()))?;
        Some(format!("{TITLE}{title}\n\n{text}"))
    });
    sections.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_was_not_measured_keeps_its_section() {
        let earlier = "# Performance\n\n## Size\n\nkept\n\n## Sweep\n\nold\n\n## Renamed\n\nold\n";
        let sections = [
            ("Events", None),
            ("Sweep", Some("new\n".to_owned())),
            ("Size", None),
        ];
        let expected = "\n## Sweep\n\nnew\n\n## Size\n\nkept\n";
        assert_eq!(merged(earlier, sections), expected);
    }
}
