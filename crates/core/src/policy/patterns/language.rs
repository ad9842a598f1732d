//! Which texts wildcard patterns match, and what that makes of two of them.
//!
//! In comparisons, a character that stands in neither pattern is the hardest to match, so what holds for it holds
//! for every other one: the comparisons need no alphabet.

use std::collections::HashSet;

use crate::policy::effort::Effort;
use crate::secret::Region;

/// One part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    Char(char),
    /// `?`
    One,
    /// `*`
    Any,
}

/// The parts of a pattern. Among neighbouring wildcards the order means nothing, so `*` comes last,
/// once.
fn symbols(pattern: &str) -> Vec<Symbol> {
    let mut symbols = Vec::with_capacity(pattern.len());
    let mut star = false;
    for c in pattern.chars() {
        match c {
            '*' => star = true,
            '?' => symbols.push(Symbol::One),
            c => {
                if std::mem::take(&mut star) {
                    symbols.push(Symbol::Any);
                }
                symbols.push(Symbol::Char(c));
            }
        }
    }
    symbols.extend(star.then_some(Symbol::Any));
    symbols
}

/// The places that may be reached in a pattern, one bit each. The last is its end.
type Places = u128;

/// The longest pattern whose places fit [`Places`].
const LONGEST: usize = 127;

struct Automaton(Vec<Symbol>);

impl Automaton {
    fn new(pattern: &str) -> Option<Self> {
        let symbols = symbols(pattern);
        (symbols.len() <= LONGEST).then_some(Self(symbols))
    }

    /// Adds the places that are reached without a character.
    fn settled(&self, mut places: Places) -> Places {
        for (index, symbol) in self.0.iter().enumerate() {
            if *symbol == Symbol::Any && places & (1 << index) != 0 {
                places |= 1 << (index + 1);
            }
        }
        places
    }

    fn start(&self) -> Places {
        self.settled(1)
    }

    /// The places after one more character; `None` is a character that the pattern does not name.
    fn step(&self, places: Places, character: Option<char>) -> Places {
        let mut next = 0;
        for (index, symbol) in self.0.iter().enumerate() {
            if places & (1 << index) != 0 {
                next |= match symbol {
                    Symbol::Any => 1 << index,
                    Symbol::One => 1 << (index + 1),
                    Symbol::Char(c) if Some(*c) == character => 1 << (index + 1),
                    Symbol::Char(_) => 0,
                };
            }
        }
        self.settled(next)
    }

    fn accepts(&self, places: Places) -> bool {
        places & (1 << self.0.len()) != 0
    }
}

/// Whether the outer pattern matches whatever the inner one does. `false` also where the patterns
/// are too long to tell, or too much effort is spent.
pub(super) fn lies_within(inner: &str, outer: &str, effort: &Effort) -> bool {
    if !effort.spend_on_symbols(inner.len() + outer.len()) {
        return false;
    }
    let inner = symbols(inner);
    let Some(outer) = Automaton::new(outer) else {
        return false;
    };
    // Most patterns differ in the beginning.
    if let Some(Symbol::Char(first)) = outer.0.first()
        && inner.first() != Some(&Symbol::Char(*first))
    {
        return false;
    }
    let mut seen = HashSet::new();
    let mut open = vec![(0, outer.start())];
    while let Some((index, places)) = open.pop() {
        if !seen.insert((index, places)) {
            continue;
        }
        if places == 0 || !effort.spend_on_symbols(outer.0.len()) {
            return false;
        }
        match inner.get(index) {
            None if !outer.accepts(places) => return false,
            None => {}
            Some(Symbol::Char(c)) => open.push((index + 1, outer.step(places, Some(*c)))),
            Some(Symbol::One) => open.push((index + 1, outer.step(places, None))),
            Some(Symbol::Any) => {
                open.push((index + 1, places));
                open.push((index, outer.step(places, None)));
            }
        }
    }
    true
}

/// Whether some text matches both patterns. `true` also where too much effort is spent to tell.
pub(super) fn overlap(one: &str, other: &str, effort: &Effort) -> bool {
    if !effort.spend_on_symbols(one.len().saturating_mul(other.len())) {
        return true;
    }
    let (one, other) = (symbols(one), symbols(other));
    // Which beginnings of the other pattern some text shares with the beginning of the one.
    let mut shared = vec![false; other.len() + 1];
    shared[0] = true;
    skip_stars(&mut shared, &other);
    for symbol in one {
        shared = if symbol == Symbol::Any {
            let first = shared.iter().position(|shared| *shared);
            let places = 0..shared.len();
            places
                .map(|place| first.is_some_and(|first| place >= first))
                .collect()
        } else {
            after(&shared, symbol, &other)
        };
        skip_stars(&mut shared, &other);
    }
    shared[other.len()]
}

/// The beginnings that are shared after one more character, which the symbol stands for.
fn after(shared: &[bool], symbol: Symbol, other: &[Symbol]) -> Vec<bool> {
    let mut next = vec![false; shared.len()];
    for (index, opposite) in other.iter().enumerate().filter(|(index, _)| shared[*index]) {
        match (symbol, opposite) {
            (_, Symbol::Any) => next[index] = true,
            (Symbol::Char(mine), Symbol::Char(theirs)) if mine != *theirs => {}
            _ => next[index + 1] = true,
        }
    }
    next
}

fn skip_stars(shared: &mut [bool], other: &[Symbol]) {
    for (index, symbol) in other.iter().enumerate() {
        if *symbol == Symbol::Any && shared[index] {
            shared[index + 1] = true;
        }
    }
}

/// The longest Region code that a policy may name.
const LONGEST_CODE: usize = 32;

/// How far a text is on its way to be a Region code: words of letters, each with a hyphen, and a
/// number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Code {
    Start,
    Word,
    Hyphen,
    Number,
}

impl Code {
    const ALL: [Self; 4] = [Self::Start, Self::Word, Self::Hyphen, Self::Number];

    fn after(self, c: char) -> Option<Self> {
        match (self, c) {
            (Self::Start | Self::Word | Self::Hyphen, 'a'..='z') => Some(Self::Word),
            (Self::Word, '-') => Some(Self::Hyphen),
            (Self::Hyphen | Self::Number, '0'..='9') => Some(Self::Number),
            _ => None,
        }
    }
}

/// Whether a pattern matches anything that has the form of a Region code. `true` also where too much
/// effort is spent to tell.
pub(super) fn matches_a_region_code(pattern: &str, effort: &Effort) -> bool {
    // One code that matches settles it, and for most patterns that people write, this one does.
    if Region::parse(&pattern.replace('*', "a-1")).is_ok() {
        return true;
    }
    let symbols = symbols(pattern);
    let shortest = symbols.iter().filter(|symbol| **symbol != Symbol::Any);
    if shortest.count() > LONGEST_CODE {
        return false;
    }
    let automaton = Automaton(symbols);
    // A letter, a digit and the hyphen stand for what the pattern does not name.
    let mut alphabet: Vec<char> = pattern.chars().chain(['a', '0', '-']).collect();
    alphabet.sort_unstable();
    alphabet.dedup();
    // The places of the pattern for each state of the code.
    let mut reached = [automaton.start(), 0, 0, 0];
    loop {
        let steps = alphabet.len() * automaton.0.len();
        if automaton.accepts(reached[Code::Number as usize]) || !effort.spend_on_symbols(steps) {
            return true;
        }
        let mut next = reached;
        for code in Code::ALL {
            for c in &alphabet {
                if let Some(after) = code.after(*c) {
                    next[after as usize] |= automaton.step(reached[code as usize], Some(*c));
                }
            }
        }
        if next == reached {
            return false;
        }
        reached = next;
    }
}
