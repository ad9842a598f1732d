//! The states, and what leads from one to another.

use super::{Concurrency, Decided, Row, Tag, Version};

/// How far an invocation is. Each look that counts for the next step is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Run {
    /// It has not begun.
    Waiting,
    /// It has looked, and will ask for replicas.
    Requesting {
        /// What it saw.
        seen: Version,
    },
    /// It has asked, and no answer came.
    Unsure {
        /// What it saw before it asked.
        first: Version,
    },
    /// It has looked again, and will ask again for what has not begun.
    Repeating {
        /// What it saw before it asked.
        first: Version,
        /// What it saw since.
        seen: Version,
    },
    /// It follows what it asked for, and what was on its way.
    Following {
        /// What it saw before it asked.
        first: Version,
    },
    /// What is wanted is in sync, and something is unwanted.
    Settled,
    /// It has looked again, and will remove what is unwanted.
    Removing {
        /// What it saw.
        seen: Version,
    },
    /// It has ended.
    Done,
}

/// Everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    /// The secret as it is.
    pub now: Version,
    /// The secret as it was before the last change, which reads may still show.
    pub past: Version,
    /// How many things the owner still does.
    pub owner: u8,
    /// The invocations.
    pub runs: [Run; 2],
    /// How many answers may still be lost.
    pub losses: u8,
    /// A request that the last look did not allow.
    pub wrong: Option<Wrong>,
    /// Whether a replica was removed by the function.
    pub has_removed: bool,
}

/// A request that should not have been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// A replica where the last look did not want one.
    Request,
    /// The removal of a replica that the last look wanted, or while another was missing.
    Removal,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The owner sets or removes the tag `replicate-to`.
    SetTag(Tag),
    /// The owner sets or removes the tag `data`.
    SetEuOnly(bool),
    /// The owner asks for a replica.
    ByHandReplicate(usize),
    /// The owner removes a replica.
    ByHandRemove(usize),
    /// AWS comes to an end with what is on its way in a Region, well or badly.
    Progress(usize, bool),
    /// An invocation looks, and sees the present or the past.
    Look(usize, Lag),
    /// An invocation sends the request that it has decided on.
    Send(usize, Fate),
    /// An invocation's time is up, or it is killed.
    End(usize),
}

/// What a look shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lag {
    /// The present.
    Present,
    /// What was before the last change.
    Past,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is executed and answered.
    Answered,
    /// It is executed, and the answer is lost.
    AnswerLost,
    /// It is lost.
    Lost,
}

impl State {
    pub(super) fn initial(owner: u8, now: Version) -> State {
        State {
            now,
            past: now,
            owner,
            runs: [Run::Waiting; 2],
            losses: 1,
            wrong: None,
            has_removed: false,
        }
    }

    /// Whether nothing is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.runs == [Run::Done; 2] && self.now.rows.into_iter().all(is_at_rest)
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut Version)) {
        let before = self.now;
        change(&mut self.now);
        if self.now != before {
            self.past = before;
        }
    }

    pub(super) fn actions(&self, actions: &mut Vec<Action>) {
        if self.owner > 0 {
            let tags = Tag::ALL.into_iter().filter(|tag| *tag != self.now.tag);
            actions.extend(tags.map(Action::SetTag));
            actions.push(Action::SetEuOnly(!self.now.eu_only));
            for region in 0..2 {
                actions.push(Action::ByHandReplicate(region));
                actions.push(Action::ByHandRemove(region));
            }
        }
        for region in 0..2 {
            match self.now.rows[region] {
                Row::Coming => actions.extend([true, false].map(|ok| Action::Progress(region, ok))),
                Row::Going => actions.push(Action::Progress(region, true)),
                Row::None | Row::InSync | Row::Failed => {}
            }
        }
        for (index, run) in self.runs.iter().enumerate() {
            match run {
                Run::Done => continue,
                Run::Waiting | Run::Unsure { .. } | Run::Following { .. } | Run::Settled => {
                    actions.push(Action::Look(index, Lag::Present));
                    if self.past != self.now {
                        actions.push(Action::Look(index, Lag::Past));
                    }
                }
                Run::Requesting { .. } | Run::Repeating { .. } | Run::Removing { .. } => {
                    actions.push(Action::Send(index, Fate::Answered));
                    if self.losses > 0 {
                        actions.push(Action::Send(index, Fate::AnswerLost));
                        actions.push(Action::Send(index, Fate::Lost));
                    }
                }
            }
            actions.push(Action::End(index));
        }
    }

    pub(super) fn after(mut self, model: &Concurrency, action: Action) -> State {
        match action {
            Action::Progress(region, well) => self.change(|now| {
                let row = &mut now.rows[region];
                *row = match (*row, well) {
                    (Row::Coming, true) => Row::InSync,
                    (Row::Coming, false) => Row::Failed,
                    _ => Row::None,
                };
            }),
            Action::Look(index, lag) => {
                let seen = match lag {
                    Lag::Present => self.now,
                    Lag::Past => self.past,
                };
                self.runs[index] = looked(self.runs[index], seen, model);
            }
            Action::Send(index, fate) => self.send(model, index, fate),
            Action::End(index) => self.runs[index] = Run::Done,
            by_owner => {
                self.owner -= 1;
                self.change(|now| own(now, by_owner));
            }
        }
        self
    }

    fn send(&mut self, model: &Concurrency, index: usize, fate: Fate) {
        if fate != Fate::Answered {
            self.losses -= 1;
        }
        let run = self.runs[index];
        match run {
            Run::Requesting { seen } => {
                let requests = model.decided(seen).requests;
                self.request(seen, requests, fate);
                self.runs[index] = match fate {
                    Fate::Answered => Run::Following { first: seen },
                    Fate::AnswerLost | Fate::Lost => Run::Unsure { first: seen },
                };
            }
            Run::Repeating { first, seen } => {
                self.request(seen, repeated(model, first, seen), fate);
                self.runs[index] = match fate {
                    Fate::Answered => Run::Following { first },
                    Fate::AnswerLost | Fate::Lost => Run::Unsure { first },
                };
            }
            Run::Removing { seen } => {
                self.remove(model, seen, fate);
                self.runs[index] = Run::Done;
            }
            _ => {}
        }
    }

    fn request(&mut self, seen: Version, requests: [bool; 2], fate: Fate) {
        for region in chosen(requests) {
            if !seen.wants(region) {
                self.wrong = Some(Wrong::Request);
            }
        }
        if fate != Fate::Lost {
            self.change(|now| chosen(requests).for_each(|region| replicate(now, region)));
        }
    }

    fn remove(&mut self, model: &Concurrency, seen: Version, fate: Fate) {
        let removes = model.decided(seen).removes;
        for region in chosen(removes) {
            let others_are_there = (0..2)
                .filter(|other| seen.wants(*other))
                .all(|other| seen.rows[other] == Row::InSync);
            if seen.wants(region) || !seen.is_covered() || !others_are_there {
                self.wrong = Some(Wrong::Removal);
            }
        }
        if fate != Fate::Lost {
            self.change(|now| chosen(removes).for_each(|region| remove(now, region)));
            self.has_removed |= removes != [false; 2];
        }
    }
}

/// What an invocation does after a look.
fn looked(run: Run, seen: Version, model: &Concurrency) -> Run {
    match run {
        Run::Waiting => {
            let Decided {
                requests, unwanted, ..
            } = model.decided(seen);
            if requests != [false; 2] {
                Run::Requesting { seen }
            } else if unwanted != [false; 2] || !is_settled(model, seen, seen) {
                Run::Following { first: seen }
            } else {
                Run::Done
            }
        }
        Run::Unsure { first } => Run::Repeating { first, seen },
        Run::Following { first } if is_settled(model, first, seen) => {
            if model.decided(first).unwanted == [false; 2] {
                Run::Done
            } else {
                Run::Settled
            }
        }
        Run::Settled if model.decided(seen).removes != [false; 2] => Run::Removing { seen },
        run => run,
    }
}

/// Whether what was wanted is in sync.
fn is_settled(model: &Concurrency, first: Version, seen: Version) -> bool {
    let Decided {
        requests, keeps, ..
    } = model.decided(first);
    (0..2).all(|region| !(requests[region] || keeps[region]) || seen.rows[region] == Row::InSync)
}

/// What is asked for again: what has not begun, and is wanted still.
fn repeated(model: &Concurrency, first: Version, seen: Version) -> [bool; 2] {
    let requests = model.decided(first).requests;
    let still = model.decided(seen).requests;
    [0, 1].map(|region| {
        let has_moved = seen.rows[region] != Row::None && seen.rows[region] != first.rows[region];
        requests[region] && still[region] && !has_moved
    })
}

fn chosen(regions: [bool; 2]) -> impl Iterator<Item = usize> {
    (0..2).filter(move |region| regions[*region])
}

fn own(now: &mut Version, act: Action) {
    match act {
        Action::SetTag(tag) => {
            now.tag = tag;
            propagate(now);
        }
        Action::SetEuOnly(eu_only) => {
            now.eu_only = eu_only;
            propagate(now);
        }
        Action::ByHandReplicate(region) => replicate(now, region),
        Action::ByHandRemove(region) => remove(now, region),
        _ => {}
    }
}

/// AWS carries tags to the replicas.
fn propagate(now: &mut Version) {
    for row in &mut now.rows {
        if *row == Row::InSync {
            *row = Row::Coming;
        }
    }
}

pub(super) fn replicate(now: &mut Version, region: usize) {
    let row = &mut now.rows[region];
    if matches!(row, Row::None | Row::Failed) {
        *row = Row::Coming;
    }
}

pub(super) fn remove(now: &mut Version, region: usize) {
    let row = &mut now.rows[region];
    if *row != Row::None {
        *row = Row::Going;
    }
}

fn is_at_rest(row: Row) -> bool {
    matches!(row, Row::None | Row::InSync | Row::Failed)
}
