//! Tables, plots and the document.

mod plots;
mod tables;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::results::Results;
use tables::Section;

/// Prints the tables.
pub(crate) fn print(results: &Results) {
    for section in tables::all(results) {
        println!("\n{}\n\n{}", section.title, section.body);
    }
}

/// Writes `PERFORMANCE.md` and its plots into the directory `docs`. Keeps the sections of parts that were not measured.
pub(crate) fn write(results: &Results, docs: &Path) -> anyhow::Result<()> {
    let path = docs.join("PERFORMANCE.md");
    let earlier = fs::read_to_string(&path).unwrap_or_default();
    let measured = tables::all(results)
        .into_iter()
        .map(|section| (section.title.to_owned(), text(&section)));
    let sections = merged(&earlier, measured);
    plots::draw(results, &docs.join("performance"))?;
    let text = include_str!("report/method.md").to_owned() + &sections;
    fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))
}

/// Formats a section with the machine and the plots.
fn text(section: &Section) -> String {
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
    for plot in plots::of(section.title) {
        // Writing to a string never fails.
        let _ = write!(text, "\n![{}](performance/{})\n", plot.title, plot.file);
    }
    text
}

/// The beginning of a section's title.
const TITLE: &str = "\n## ";

/// Replaces sections of an earlier document, and adds those that it lacks. The first section, the method, is the caller's.
fn merged(earlier: &str, measured: impl Iterator<Item = (String, String)>) -> String {
    let sections = earlier.split(TITLE).skip(1);
    let sections = sections.filter_map(|section| section.split_once("\n\n"));
    let mut sections: Vec<(String, String)> = sections
        .filter(|(title, _)| *title != "Method")
        .map(|(title, text)| (title.to_owned(), text.to_owned()))
        .collect();
    for (title, text) in measured {
        match sections.iter_mut().find(|(known, _)| *known == title) {
            Some((_, known)) => *known = text,
            None => sections.push((title, text)),
        }
    }
    let sections: Vec<String> = sections
        .iter()
        .map(|(title, text)| format!("{TITLE}{title}\n\n{text}"))
        .collect();
    sections.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_was_not_measured_keeps_its_section() {
        let earlier = "# Performance\n\n## Method\n\nold\n\n## Size\n\nkept\n\n## Sweep\n\nold\n";
        let measured = [("Sweep", "new\n"), ("Policy", "added\n")];
        let measured = measured.map(|(title, text)| (title.to_owned(), text.to_owned()));
        assert_eq!(
            merged(earlier, measured.into_iter()),
            "\n## Size\n\nkept\n\n## Sweep\n\nnew\n\n## Policy\n\nadded\n"
        );
    }
}
