use secret_replicator_core::failover::promotion::Candidate;

use super::*;
use crate::promote::Outcome;

fn region() -> Region {
    Region::parse("eu-west-1").unwrap()
}

fn candidate(name: &str, version: &str) -> Candidate {
    let arn = format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf");
    Candidate {
        name: name.to_owned(),
        arn: SecretArn::parse(&arn).unwrap(),
        primary_region: Region::parse("us-east-1").unwrap(),
        version_id: version.to_owned(),
        kms_key: None,
    }
}

fn plan(candidates: &[Candidate]) -> PromotionPlan {
    PromotionPlan {
        promote: candidates.to_vec(),
        ..PromotionPlan::default()
    }
}

fn promoted(version: &str) -> Outcome {
    Outcome::Promoted {
        at: DateTime::UNIX_EPOCH,
        version_id: version.to_owned(),
    }
}

/// Returns the statuses and versions that a new run reads.
fn read(path: &Path) -> Vec<(String, Status, String)> {
    let state = PromotionState::read(path, &region()).unwrap();
    let secrets = state.secrets().cloned();
    secrets
        .map(|secret| (secret.name, secret.status, secret.version_id))
        .collect()
}

#[test]
fn a_plan_is_on_the_disk_before_the_first_call_and_each_promotion_adds_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.jsonl");
    let candidates: Vec<_> = (0..50)
        .map(|number| candidate(&format!("{number:02}"), "v1"))
        .collect();
    let mut log = PromotionLog::open(&path, &region()).unwrap();
    log.plan(&plan(&candidates)).unwrap();
    assert!(
        read(&path)
            .iter()
            .all(|(_, status, _)| *status == Status::Planned)
    );
    let planned = fs::metadata(&path).unwrap().len();
    for candidate in &candidates {
        log.note(candidate, &promoted("v2")).unwrap();
    }
    let all = read(&path);
    assert_eq!(all.len(), 50);
    assert!(
        all.iter()
            .all(|(_, status, version)| *status == Status::Promoted && version == "v2")
    );
    // Not the whole record for each secret.
    assert!(fs::metadata(&path).unwrap().len() < 3 * planned);
}

#[test]
fn neither_a_plan_nor_an_entry_without_a_time_replaces_a_promotion_that_a_read_showed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.jsonl");
    let mut log = PromotionLog::open(&path, &region()).unwrap();
    let (first, later) = (candidate("a", "v1"), candidate("a", "v9"));
    log.note(&first, &promoted("v1")).unwrap();
    let expected = [("a".to_owned(), Status::Promoted, "v1".to_owned())];
    // As with a list that is older than the promotion.
    log.plan(&plan(std::slice::from_ref(&later))).unwrap();
    assert_eq!(read(&path), expected);
    for outcome in [Outcome::Unverified, Outcome::AlreadyStandalone] {
        log.note(&later, &outcome).unwrap();
        assert_eq!(read(&path), expected, "{outcome:?}");
    }
    // The next failover.
    log.note(&later, &promoted("v9")).unwrap();
    assert_eq!(read(&path)[0].2, "v9");
}

#[test]
fn a_line_that_an_interruption_cut_is_ignored_and_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.jsonl");
    let open = || PromotionLog::open(&path, &region());
    open()
        .unwrap()
        .note(&candidate("a", "v1"), &promoted("v1"))
        .unwrap();
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{{\"name\":\"b")).unwrap();
    assert_eq!(read(&path).len(), 1);
    open()
        .unwrap()
        .note(&candidate("c", "v1"), &promoted("v1"))
        .unwrap();
    assert_eq!(read(&path).len(), 2);
    fs::write(&path, &whole[..9]).unwrap();
    drop(open().unwrap());
    assert_eq!(read(&path), []);
    // Another file is not a state file.
    for other in ["{}\n", "{}", "not a state file\n"] {
        fs::write(&path, other).unwrap();
        let error = open().unwrap_err().to_string();
        assert!(
            error.contains("is not a state file of `promote`"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), other);
    }
}

#[test]
fn a_second_run_cannot_use_the_file_of_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.jsonl");
    let first = PromotionLog::open(&path, &region()).unwrap();
    let error = PromotionLog::open(&path, &region())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("another run of `promote` uses the state file"),
        "{error}"
    );
    drop(first);
    assert!(PromotionLog::open(&path, &region()).is_ok());
    let other = Region::parse("eu-west-3").unwrap();
    let error = PromotionLog::open(&path, &other).unwrap_err().to_string();
    assert!(error.contains("is that of eu-west-1"), "{error}");
}
