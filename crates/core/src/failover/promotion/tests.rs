use chrono::DateTime;

use super::super::tests::{PRIMARY, THERE, region, secret};
use super::*;

fn replica(name: &str) -> Secret {
    secret(name, THERE, Some(PRIMARY))
}

fn tagged(name: &str, team: &str) -> Secret {
    let mut secret = replica(name);
    secret.tags.insert("team".to_owned(), team.to_owned());
    secret
}

fn inventory(names: &[&str]) -> Inventory {
    let entries = names
        .iter()
        .map(|name| Entry::of_primary(&secret(name, PRIMARY, None), None));
    let saved = DateTime::UNIX_EPOCH;
    Inventory::new(region(THERE), saved, BTreeSet::new(), entries.collect())
}

fn planned(
    found: &[Secret],
    inventory: Option<&Inventory>,
    selection: &Selection,
) -> (Vec<String>, Vec<String>) {
    let plan = plan(
        &region(THERE),
        found,
        inventory,
        &BTreeSet::new(),
        selection,
    );
    let promote = plan.promote.into_iter().map(|candidate| candidate.name);
    let left = plan.left.into_iter();
    let left = left.map(|left| format!("{} {}", left.name, left.reason.code()));
    (promote.collect(), left.collect())
}

#[test]
fn without_an_inventory_the_replicas_of_the_region_are_promoted() {
    let found = [replica("b"), replica("a"), secret("own", THERE, None)];
    let (promote, left) = planned(&found, None, &Selection::default());
    assert_eq!((promote, left), (vec!["a".into(), "b".into()], vec![]));
}

#[test]
fn an_inventory_names_what_is_absent_and_leaves_what_it_does_not_contain() {
    let mut empty = replica("empty");
    empty.current_version = None;
    let mut deleted = replica("deleted");
    deleted.scheduled_for_deletion = true;
    let mut taken = replica("taken");
    taken.arn = SecretArn::parse(&taken.arn.as_str().replace("AbCdEf", "Others")).unwrap();
    let found = [
        replica("a"),
        replica("new"),
        secret("done", THERE, None),
        secret("own", THERE, None),
        empty,
        deleted,
        taken,
    ];
    let inventory = inventory(&["a", "absent", "done", "empty", "deleted", "taken"]);
    let (promote, left) = planned(&found, Some(&inventory), &Selection::default());
    assert_eq!(promote, ["a"]);
    let expected = [
        "absent replica-missing",
        "deleted scheduled-for-deletion",
        "done already-standalone",
        "empty no-current-version",
        "new not-in-inventory",
        "taken name-already-exists",
        "taken not-in-inventory",
    ];
    assert_eq!(left, expected);
}

#[test]
fn filters_select_and_a_limit_leaves_the_rest() {
    let found = [tagged("a/1", "x"), tagged("a/2", "x"), tagged("b", "y")];
    let selection = Selection {
        tags: vec![("team".to_owned(), Some("x".to_owned()))],
        limit: Some(1),
        ..Selection::default()
    };
    let (promote, left) = planned(&found, None, &selection);
    assert_eq!(promote, ["a/1"]);
    assert_eq!(left, ["a/2 limit-reached", "b not-selected"]);
    let named = Selection {
        only: ["b".to_owned(), "c".to_owned()].into(),
        ..Selection::default()
    };
    let (promote, left) = planned(&found, None, &named);
    assert_eq!(promote, ["b"]);
    let expected = ["a/1 not-selected", "a/2 not-selected", "c replica-missing"];
    assert_eq!(left, expected);
}

#[test]
fn a_replica_of_a_region_that_works_is_not_promoted() {
    let found = [replica("a"), secret("b", THERE, Some("us-west-2"))];
    let regions = |selection: &Selection| {
        let region = region(THERE);
        let plan = plan(&region, &found, None, &BTreeSet::new(), selection);
        let regions = plan.primary_regions.into_keys();
        regions.collect::<Vec<_>>()
    };
    assert_eq!(regions(&Selection::default()).len(), 2);
    let selection = Selection {
        from: Some(region(PRIMARY)),
        ..Selection::default()
    };
    assert_eq!(regions(&selection), [region(PRIMARY)]);
    let (_, left) = planned(&found, None, &selection);
    assert_eq!(left, ["b other-primary-region"]);
}

#[test]
fn an_absent_secret_whose_tag_the_inventory_lacks_is_named() {
    let selection = Selection {
        tags: vec![("team".to_owned(), None)],
        ..Selection::default()
    };
    let (_, left) = planned(&[], Some(&inventory(&["a"])), &selection);
    assert_eq!(left, ["a replica-missing"]);
}

#[test]
fn a_named_secret_that_the_inventory_lacks_is_a_fault() {
    let found = [replica("a"), replica("new"), replica("other")];
    let selection = Selection {
        only: ["a".to_owned(), "new".to_owned()].into(),
        ..Selection::default()
    };
    let inventory = inventory(&["a"]);
    let plan = plan(
        &region(THERE),
        &found,
        Some(&inventory),
        &BTreeSet::new(),
        &selection,
    );
    let faults = plan.left.iter().filter(|left| left.reason.is_fault());
    let faults: Vec<&str> = faults.map(|left| left.name.as_str()).collect();
    assert_eq!((plan.promote.len(), faults), (1, vec!["new"]));
}
