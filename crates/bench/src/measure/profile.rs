//! Which libraries execute the instructions, by callgrind: until the first event, and for each event.

mod code;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::ensure;
use secret_replicator_emulator::{Answer, Lambda};

use super::instructions::counted;
use crate::contender::{Transport, lambda};
use crate::event;
use crate::results::ProfileResult;
use crate::server::{Authority, FixedServer, Subject};

/// Events that are not counted: the first ones connect, and fill caches.
const WARM_UP: u64 = 5;

/// Instructions, or bytes of code, by the library that has them.
type Shares = BTreeMap<String, u64>;

/// Profiles a function whose binary names its sources.
pub(crate) async fn measure(
    function: &Path,
    authority: &Authority,
    work: &Path,
    events: u64,
) -> anyhow::Result<Vec<ProfileResult>> {
    ensure!(function.is_file(), "there is no {}", function.display());
    let server = FixedServer::start(Transport::Http, authority).await?;
    let count = async |subject, events| {
        let settings = lambda(function, server.endpoint(), authority.roots());
        let deliver = async |function: &mut Lambda| {
            for _ in 0..events {
                server.reset();
                let invocation = function.invoke(&event::created(subject)?).await?;
                let is_well = matches!(invocation.answer, Answer::Success(_));
                ensure!(is_well, "{invocation:#?}");
            }
            Ok(())
        };
        anyhow::Ok(shares(&counted(settings, work, deliver).await?))
    };
    let per_event = async |subject| {
        let warm = count(subject, WARM_UP).await?;
        let all = count(subject, WARM_UP + events).await?;
        let share = |(library, count): (String, u64)| {
            let before = warm.get(&library).copied().unwrap_or_default();
            (library, count.saturating_sub(before) / events)
        };
        anyhow::Ok(all.into_iter().map(share).collect::<Shares>())
    };
    let start = count(Subject::Unchanged, 0).await?;
    let unchanged = per_event(Subject::Unchanged).await?;
    let write = per_event(Subject::Drifted).await?;
    let columns = [start, unchanged, write, code::sizes(function)?];
    let of = |column: usize, library: &str| columns[column].get(library).copied().unwrap_or(0);
    let sums = columns
        .each_ref()
        .map(|column| column.values().sum::<u64>().max(1));
    let libraries: BTreeSet<&String> = columns.iter().flat_map(BTreeMap::keys).collect();
    let mut libraries: Vec<&String> = libraries.into_iter().collect();
    // By the sum of a library's shares in the columns, in millionths.
    let weight = |library: &str| {
        (0..4)
            .map(|n| of(n, library) * 1_000_000 / sums[n])
            .sum::<u64>()
    };
    libraries.sort_by_key(|library| std::cmp::Reverse(weight(library)));
    let row = |library: &String| ProfileResult {
        name: library.clone(),
        start: of(0, library),
        unchanged: of(1, library),
        write: of(2, library),
        code: of(3, library),
    };
    Ok(libraries.into_iter().map(row).collect())
}

/// Where callgrind's file is at ("The Callgrind Format Specification").
#[derive(Default)]
struct Place {
    object: String,
    /// The file of the function.
    function: String,
    /// The file of the line, which differs where another function is inlined.
    line: String,
}

/// Sums up the costs of lines. What the standard library has inlined into another library's function
/// is that library's.
fn shares(callgrind: &str) -> Shares {
    let mut names = BTreeMap::new();
    let mut place = Place::default();
    let mut shares = Shares::new();
    let mut is_of_callee = false;
    for line in callgrind.lines() {
        if let Some((key, name)) = line.split_once('=') {
            let is_object = key.ends_with("ob");
            let full = match key {
                "ob" | "cob" | "fl" | "fi" | "fe" | "cfi" | "cfl" => {
                    full_name(&mut names, is_object, name)
                }
                _ => String::new(),
            };
            match key {
                "ob" => place.object = full,
                "fl" => (place.function, place.line) = (full.clone(), full),
                "fn" => place.line.clone_from(&place.function),
                "fi" | "fe" => place.line = full,
                "calls" => is_of_callee = true,
                _ => {}
            }
        } else if let Some(cost) = cost(line)
            && !std::mem::take(&mut is_of_callee)
        {
            *shares.entry(place.owner()).or_default() += cost;
        }
    }
    shares
}

/// `(3) src/lib.rs` names a file, `(3)` is the same one again. Objects are numbered apart.
fn full_name(names: &mut BTreeMap<(bool, String), String>, is_object: bool, text: &str) -> String {
    let (id, name) = text.split_once(' ').unwrap_or((text, ""));
    let key = (is_object, id.to_owned());
    if name.is_empty() {
        names.get(&key).cloned().unwrap_or_default()
    } else {
        names.insert(key, name.to_owned());
        name.to_owned()
    }
}

/// The last number of a line of costs, which begins with its place.
fn cost(line: &str) -> Option<u64> {
    let is_cost = line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first));
    line.split_whitespace()
        .nth(1)
        .filter(|_| is_cost)?
        .parse()
        .ok()
}

impl Place {
    fn owner(&self) -> String {
        let of_line = library(&self.line);
        let of_function = library(&self.function);
        match of_line.or(of_function) {
            Some(STANDARD) => of_function.unwrap_or(STANDARD).to_owned(),
            Some(library) => library.to_owned(),
            None if self.object.ends_with("bootstrap") => "unknown".to_owned(),
            None => "C library and loader".to_owned(),
        }
    }
}

const STANDARD: &str = "Rust's standard library";

const OURS: &str = "secret-replicator";

/// The library that a source file is of. `None` if its path does not say.
fn library(file: &str) -> Option<&str> {
    if let Some((_, path)) = file.split_once("/registry/src/") {
        let package = path.split('/').nth(1)?;
        let is_version = |(_, rest): &(&str, &str)| rest.starts_with(|c: char| c.is_ascii_digit());
        let cuts = package
            .match_indices('-')
            .map(|(at, _)| package.split_at(at));
        let mut cuts = cuts.map(|(name, rest)| (name, &rest[1..]));
        return Some(cuts.find(is_version).map_or(package, |(name, _)| name));
    }
    if file.contains("/library/") && file.contains("/rustc/") {
        return Some(STANDARD);
    }
    let is_ours = file.starts_with("src/") || file.contains("/src/");
    is_ours.then_some(OURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_a_library() {
        let registry = "/home/me/.cargo/registry/src/index-1949cf8c6b5b557f";
        for (file, expected) in [
            (
                format!("{registry}/ring-0.17.14/crypto/mem.c"),
                Some("ring"),
            ),
            (format!("{registry}/h2-0.4.20/src/lib.rs"), Some("h2")),
            (
                "/rustc/59807/library/core/src/str.rs".to_owned(),
                Some(STANDARD),
            ),
            ("src/policy.rs".to_owned(), Some("secret-replicator")),
            (
                "/home/me/project/src/main.rs".to_owned(),
                Some("secret-replicator"),
            ),
            ("./malloc/malloc.c".to_owned(), None),
            ("???".to_owned(), None),
        ] {
            assert_eq!(library(&file), expected, "{file}");
        }
    }

    #[test]
    fn costs_are_summed_up_without_those_of_the_functions_called() {
        let text = "\
positions: line
events: Ir
ob=(1) /var/task/bootstrap
fl=(1) /c/registry/src/i/serde_json-1.0.1/src/de.rs
fn=(1) read
10 5
fi=(2) /rustc/5980/library/core/src/iter.rs
+2 3
fe=(1)
* 2
cfi=(3) src/policy.rs
cfn=(2) check
calls=1 7
12 1000
14 1
fl=(3)
fn=(2)
7 100
fi=(2)
8 10
ob=(2) /lib/libc.so.6
fl=(4) ???
fn=(3) malloc
0 40

totals: 161
";
        let shares = shares(text);
        let expected = [
            ("C library and loader", 40),
            ("secret-replicator", 110),
            ("serde_json", 11),
        ];
        let expected = expected.map(|(library, count)| (library.to_owned(), count));
        assert_eq!(shares, expected.into());
    }
}
