//! Random lists, orders, lags and failures.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use chrono::TimeDelta;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use secret_replicator_core::comparison::{Comparison, ListFailure};
use secret_replicator_core::secret::{Region, Secret};

use crate::lists::{List, sweep};
use crate::{HOME, IRELAND, OREGON, entry, now, region};

/// The order of a list.
#[derive(Clone, Copy, Debug)]
enum Order {
    Bytes,
    IgnoringCase,
    IgnoringPunctuation,
    /// Unlike any order of names.
    Random(u64),
}

impl Order {
    fn sort(self, secrets: &mut [Secret]) {
        let key = |name: &str| match self {
            Self::Bytes => name.to_owned(),
            Self::IgnoringCase => name.to_ascii_lowercase(),
            Self::IgnoringPunctuation => {
                let is_letter = |c: &char| c.is_ascii_alphanumeric();
                name.to_ascii_lowercase()
                    .chars()
                    .filter(is_letter)
                    .collect()
            }
            Self::Random(seed) => {
                let mut hasher = DefaultHasher::new();
                (seed, name).hash(&mut hasher);
                format!("{:020}", hasher.finish())
            }
        };
        secrets.sort_by_cached_key(|secret| (key(&secret.name), secret.name.clone()));
    }
}

/// An order that AWS may use.
fn sorted() -> impl Strategy<Value = Order> {
    select(vec![Order::Bytes, Order::IgnoringCase])
}

fn any_order() -> impl Strategy<Value = Order> {
    prop_oneof![
        Just(Order::Bytes),
        Just(Order::IgnoringCase),
        Just(Order::IgnoringPunctuation),
        any::<u64>().prop_map(Order::Random),
    ]
}

/// What a Region's list shows of a secret.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shows {
    Nothing,
    Replica,
    OldVersion,
    NoVersion,
    OldTags,
    Promoted,
}

/// A secret in the primary Region.
#[derive(Clone, Debug)]
struct Item {
    /// The value of the tag; `None` without a tag.
    wants: Option<BTreeSet<&'static str>>,
    is_young: bool,
    shows: [Shows; 2],
}

const CODES: [&str; 2] = [IRELAND, OREGON];

fn item() -> impl Strategy<Value = Item> {
    let shows = || {
        prop_oneof![
            3 => Just(Shows::Nothing),
            6 => Just(Shows::Replica),
            1 => select(vec![
                Shows::OldVersion, Shows::NoVersion, Shows::OldTags, Shows::Promoted,
            ]),
        ]
    };
    let wants = option::weighted(0.8, btree_set(select(CODES.to_vec()), 1..=2));
    (wants, prop::bool::weighted(0.1), [shows(), shows()]).prop_map(|(wants, is_young, shows)| {
        Item {
            wants,
            is_young,
            shows,
        }
    })
}

fn name() -> impl Strategy<Value = String> {
    "[aAbBz][-_/.]?[a-cA-C0-2]{1,2}"
}

type Items = BTreeMap<String, Item>;

fn items() -> impl Strategy<Value = Items> {
    btree_map(name(), item(), 0..80)
}

fn wants() -> impl Strategy<Value = BTreeMap<String, BTreeSet<&'static str>>> {
    btree_map(name(), btree_set(select(CODES.to_vec()), 1..=2), 1..60)
}

/// Secrets with all replicas that they want.
fn in_sync(wants: BTreeMap<String, BTreeSet<&'static str>>) -> Items {
    let item = |wants: BTreeSet<&'static str>| Item {
        shows: CODES.map(|code| {
            if wants.contains(code) {
                Shows::Replica
            } else {
                Shows::Nothing
            }
        }),
        wants: Some(wants),
        is_young: false,
    };
    wants
        .into_iter()
        .map(|(name, wants)| (name, item(wants)))
        .collect()
}

impl Item {
    fn tag(&self) -> Option<String> {
        let codes: Vec<&str> = self.wants.as_ref()?.iter().copied().collect();
        Some(codes.join(" "))
    }

    fn primary(&self, name: &str) -> Secret {
        let mut secret = entry(HOME, name, self.tag().as_deref());
        if self.is_young {
            secret.last_changed = Some(now() - TimeDelta::minutes(1));
        }
        secret
    }

    fn replica(&self, name: &str, index: usize) -> Option<Secret> {
        let mut secret = entry(CODES[index], name, self.tag().as_deref());
        match self.shows[index] {
            Shows::Nothing => return None,
            Shows::Replica => {}
            Shows::OldVersion => secret.current_version = Some("v0".to_owned()),
            Shows::NoVersion => secret.current_version = None,
            Shows::OldTags => drop(secret.tags.insert("tier".to_owned(), "1".to_owned())),
            Shows::Promoted => secret.primary_region = None,
        }
        Some(secret)
    }

    /// Returns whether the lists, read completely, show that the secret is in sync.
    fn is_in_sync(&self) -> bool {
        let expected = |(code, shows): (&&str, &Shows)| {
            let wants = self.wants.as_ref();
            if wants.is_some_and(|wants| wants.contains(code)) {
                *shows == Shows::Replica
            } else {
                matches!(shows, Shows::Nothing | Shows::Promoted)
            }
        };
        !self.is_young && CODES.iter().zip(&self.shows).all(expected)
    }
}

fn primary_list(items: &Items, order: Order, page_size: usize) -> List {
    let mut secrets: Vec<Secret> = items
        .iter()
        .map(|(name, item)| item.primary(name))
        .collect();
    order.sort(&mut secrets);
    List::new(secrets, page_size)
}

/// The lists of both Regions, with replicas that the primary Region lacks.
fn replica_lists(
    items: &Items,
    stranded: &BTreeSet<String>,
    orders: [Order; 2],
    page_size: usize,
) -> BTreeMap<Region, List> {
    let list = |index: usize| {
        let shown = items
            .iter()
            .filter_map(|(name, item)| item.replica(name, index));
        let stranded = stranded.iter().filter(|name| !items.contains_key(*name));
        let stranded = stranded.map(|name| entry(CODES[index], name, Some(IRELAND)));
        let mut secrets: Vec<Secret> = shown.chain(stranded).collect();
        orders[index].sort(&mut secrets);
        (region(CODES[index]), List::new(secrets, page_size))
    };
    [list(0), list(1)].into()
}

/// Pages of a list that cannot be read, each with the failure and the number of times.
type Failures = BTreeMap<usize, (ListFailure, usize)>;

fn failures() -> impl Strategy<Value = Failures> {
    let failure = select(vec![ListFailure::TokenRefused, ListFailure::Unreadable]);
    btree_map(0..6_usize, (failure, 1..4_usize), 0..3)
}

fn codes(regions: &BTreeSet<Region>) -> BTreeSet<&str> {
    regions.iter().map(Region::as_str).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_secret_is_lost_and_none_is_in_sync_that_the_lists_do_not_show(
        items in items(),
        stranded in btree_set(name(), 0..20),
        orders in [any_order(), any_order(), any_order()],
        page_sizes in (1..8_usize, 1..8_usize),
        failures in [failures(), failures()],
        slices in vec(0..30_usize, 0..4),
    ) {
        let primary = primary_list(&items, orders[0], page_sizes.0);
        let mut replicas = replica_lists(&items, &stranded, [orders[1], orders[2]], page_sizes.1);
        for (list, failures) in replicas.values_mut().zip(failures) {
            list.failures = failures;
        }
        let compared = sweep(&primary, &mut replicas, &slices);
        let names: Vec<&str> = compared.iter().map(|(secret, _)| secret.name.as_str()).collect();
        let expected: Vec<&str> = primary.secrets.iter().map(|secret| secret.name.as_str()).collect();
        prop_assert_eq!(names, expected);
        for (secret, comparison) in compared {
            let item = &items[&secret.name];
            let is_covered = comparison != Comparison::NotCovered;
            prop_assert_eq!(is_covered, item.wants.is_some(), "{}", secret.name);
            if let Comparison::InSync(regions) = comparison {
                let wants = item.wants.as_ref().unwrap();
                prop_assert_eq!(&codes(&regions), wants);
                prop_assert!(!item.is_young);
                for (code, shows) in CODES.iter().zip(item.shows) {
                    prop_assert!(!wants.contains(code) || shows == Shows::Replica);
                }
            }
        }
    }

    #[test]
    fn in_equal_orders_only_what_differs_is_described(
        items in items(),
        order in sorted(),
        page_sizes in (1..8_usize, 1..8_usize),
    ) {
        let primary = primary_list(&items, order, page_sizes.0);
        let mut replicas = replica_lists(&items, &BTreeSet::new(), [order; 2], page_sizes.1);
        for (secret, comparison) in sweep(&primary, &mut replicas, &[]) {
            let item = &items[&secret.name];
            if item.wants.is_some() {
                let is_in_sync = matches!(comparison, Comparison::InSync(_));
                prop_assert_eq!(is_in_sync, item.is_in_sync(), "{} {:?}", secret.name, comparison);
            }
        }
    }

    #[test]
    fn in_any_equal_orders_nothing_is_described_and_no_page_is_read_twice_if_nothing_differs(
        wants in wants(),
        order in any_order(),
        page_sizes in (10..20_usize, 1..20_usize),
        slices in vec(0..6_usize, 0..3),
    ) {
        let items = in_sync(wants);
        let primary = primary_list(&items, order, page_sizes.0);
        let mut replicas = replica_lists(&items, &BTreeSet::new(), [order; 2], page_sizes.1);
        for (_, comparison) in sweep(&primary, &mut replicas, &slices) {
            prop_assert!(matches!(comparison, Comparison::InSync(_)), "{:?}", comparison);
        }
        for list in replicas.values() {
            prop_assert!(!slices.is_empty() || list.reads <= list.pages());
        }
    }

    #[test]
    fn replicas_without_a_primary_secret_do_not_stop_a_list(
        wants in wants(),
        stranded in btree_set("azz[a-z]{1,3}", 60..90),
        order in sorted(),
    ) {
        let items = in_sync(wants);
        let primary = primary_list(&items, order, 5);
        let mut replicas = replica_lists(&items, &stranded, [order; 2], 5);
        let compared = sweep(&primary, &mut replicas, &[]);
        let is_in_sync = |(_, comparison): &&(Secret, Comparison)| matches!(comparison, Comparison::InSync(_));
        // A page among the stranded replicas may need more pages than are kept in memory.
        let described = compared.len() - compared.iter().filter(is_in_sync).count();
        prop_assert!(described <= 2 * 5, "{} of {}", described, compared.len());
    }
}
