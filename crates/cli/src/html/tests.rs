use std::collections::BTreeSet;
use std::fs;

use chrono::Utc;
use secret_replicator_core::limits::{AllowedRegions, Limits};
use secret_replicator_core::secret::{Region, SecretArn};
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::coverage::{Cell, Change, DryRun, State, Texts};
use crate::options::limits;
use crate::report::{Unread, UnreadableSecrets};
use crate::survey::ListTime;

const HOSTILE: &str = "</script><script>alert('1')</script><!--<img src=x onerror=alert(2)>&\"";

fn region(code: &str) -> Region {
    Region::parse(code).unwrap()
}

fn cell(region: &str, state: State) -> Cell {
    Cell {
        region: Some(region.to_owned()),
        state,
        verified: state == State::InSync,
        reason: None,
        texts: None,
        dry_run: DryRun::None,
        is_billed: false,
    }
}

fn secret(name: &str, regions: Vec<Cell>) -> Coverage {
    let arn = format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf");
    Coverage {
        name: name.to_owned(),
        arn: SecretArn::parse(&arn).unwrap(),
        rules: ["tier-1".to_owned()].into(),
        regions,
    }
}

fn reading() -> Reading {
    Reading {
        primary_regions: vec![region("us-east-1")],
        started: "2026-11-27T08:15:30Z".to_owned(),
        lists: Vec::new(),
        unread: Vec::new(),
        unknown_regions: BTreeSet::new(),
        swept: Vec::new(),
        unreadable: UnreadableSecrets::default(),
    }
}

fn no_limits() -> Limits {
    limits(AllowedRegions::Any, false, false)
}

/// Writes a page and returns its text.
fn page(kind: Kind, secrets: &[Coverage], reading: &Reading) -> String {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("page.html");
    let options = HtmlOptions {
        html: Some(path.clone()),
    };
    let mut report = options.start(kind).unwrap().unwrap();
    for secret in secrets {
        report.add(secret);
    }
    let facts = Facts {
        reading,
        policy: "policy.yaml",
        limits: &no_limits(),
        selection: None,
        cost: None,
        blockers: &[],
        unchecked: &BTreeSet::new(),
    };
    let note = report.write(&facts).unwrap();
    assert!(note.contains("page.html"), "{note}");
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    fs::read_to_string(path).unwrap()
}

fn data(page: &str) -> Value {
    let (_, data) = page.split_once(r#"id="data">"#).unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    serde_json::from_str(data).unwrap()
}

#[test]
fn texts_of_tags_and_of_aws_cannot_become_markup() {
    let mut refused = cell(HOSTILE, State::Refused);
    refused.reason = Some("invalid-region");
    let texts = Texts {
        detail: Some(HOSTILE.to_owned()),
        remediation: Some(HOSTILE.into()),
        kms_key: Some(HOSTILE.to_owned()),
        planned_key: None,
    };
    refused.texts = texts.boxed();
    let mut secret = secret(HOSTILE, vec![refused]);
    secret.rules = [HOSTILE.to_owned()].into();
    let mut reading = reading();
    reading.unread.push(Unread {
        account: Some(HOSTILE.to_owned()),
        region: region("eu-west-1"),
        error: HOSTILE.to_owned(),
    });
    reading.lists.push(ListTime {
        account: None,
        primary_region: region("us-east-1"),
        region: region("us-east-1"),
        started: Utc::now(),
        ended: Utc::now(),
        error: Some(HOSTILE.to_owned()),
    });
    let page = page(Kind::Status, &[secret], &reading);
    // The data and the script.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<!--"));
    let data = data(&page);
    assert_eq!(data["secrets"][0][1], HOSTILE);
    for field in ["token", "detail", "remediation", "key"] {
        assert_eq!(data["cells"][0][field], HOSTILE, "{field}");
    }
}

#[test]
fn the_page_names_no_other_file() {
    let page = page(
        Kind::Plan,
        &[secret("db", vec![cell("eu-west-1", State::InSync)])],
        &reading(),
    );
    for reference in [
        "http:", "https:", "src=", "href=", "url(", "@import", "fetch(",
    ] {
        assert!(!page.contains(reference), "{reference}");
    }
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
    assert!(!page.contains("unsafe-inline"));
}

#[test]
fn the_share_of_replicas_in_sync_is_rounded_down() {
    let mut secrets = Vec::new();
    for number in 0..2000 {
        let state = if number == 0 {
            State::Behind
        } else {
            State::InSync
        };
        secrets.push(secret(
            &format!("app-{number}"),
            vec![cell("eu-west-1", state), cell("eu-west-3", State::Excluded)],
        ));
    }
    let page = page(Kind::Status, &secrets, &reading());
    assert!(page.contains("<strong>99.9 %</strong> <span>1,999 of 2,000 wanted replicas in sync"));
    assert!(page.contains("<dd>123456789012</dd>"));
    assert!(page.contains("2026-11-27 08:15 UTC"));
}

#[test]
fn equal_cells_are_stored_once() {
    let secrets: Vec<Coverage> = (0..1000)
        .map(|number| {
            secret(
                &format!("app-{number:04}"),
                vec![
                    cell("eu-west-1", State::InSync),
                    cell("us-west-2", State::InSync),
                ],
            )
        })
        .collect();
    let data = data(&page(Kind::Status, &secrets, &reading()));
    assert_eq!(data["cells"].as_array().unwrap().len(), 1);
    assert_eq!(data["homes"].as_array().unwrap().len(), 1);
    let bytes = data["secrets"].to_string().len();
    assert!(bytes < 50 * 1000, "{bytes}");
}

#[test]
fn the_parts_of_a_row_give_its_arn() {
    // The name also begins the ARN.
    let secrets = [secret("arn", vec![]), secret("aws:secret:a", vec![])];
    let data = data(&page(Kind::Status, &secrets, &reading()));
    for (row, secret) in data["secrets"].as_array().unwrap().iter().zip(&secrets) {
        let part = |value: &Value| value.as_str().unwrap().to_owned();
        let arn = part(&data["homes"][0]["arn"]) + &part(&row[1]) + &part(&row[2]);
        assert_eq!(arn, secret.arn.as_str());
    }
}

/// Returns the labels of the first row.
fn labels(page: &str) -> Vec<String> {
    let data = data(page);
    let at = |list: &str, position: &Value| {
        let position = usize::try_from(position.as_u64().unwrap()).unwrap();
        data[list][position].clone()
    };
    let cells = data["secrets"][0][4].as_array().unwrap().iter();
    let marks = cells.map(|cell| at("marks", &at("cells", &cell[1])["mark"]));
    let labels = marks.map(|mark| mark["label"].as_str().unwrap().to_owned());
    labels.collect()
}

#[test]
fn a_plan_shows_changes_and_the_names_that_are_taken() {
    let rename = Texts {
        remediation: Some("Rename it.".into()),
        ..Texts::default()
    };
    let planned = |region: &str, state| Cell {
        dry_run: DryRun::Planned(Change::Create),
        reason: (state == State::Shadowed).then_some("name-already-exists"),
        texts: rename.clone().boxed().filter(|_| state == State::Shadowed),
        ..cell(region, state)
    };
    let secrets = [secret(
        "db",
        vec![
            planned("eu-west-1", State::Missing),
            planned("us-west-2", State::Shadowed),
        ],
    )];
    let plan = page(Kind::Plan, &secrets, &reading());
    assert_eq!(labels(&plan), ["create", "shadowed"]);
    assert!(plan.contains("us-west-2 (1)") && plan.contains("Rename it."));
    assert!(plan.contains("<strong>1</strong> <span>replicas to change"));
    let status = page(Kind::Status, &secrets, &reading());
    assert_eq!(labels(&status), ["missing", "shadowed"]);
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_before_the_work() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("file"), "").unwrap();
    let error = |path: PathBuf| {
        let options = HtmlOptions { html: Some(path) };
        format!("{:#}", options.start(Kind::Status).unwrap_err())
    };
    assert!(error(path("missing/page.html")).contains("create it and make it writable"));
    assert!(error(path("file/page.html")).contains("create it and make it writable"));
    assert!(error(path("")).contains("is not a regular file"));
    assert!(error("/dev/null".into()).contains("is not a regular file"));
    assert!(error("-".into()).contains("--html report.html"));
    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[cfg(unix)]
#[test]
fn a_former_page_is_replaced_behind_its_link() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("former.html"), "former").unwrap();
    std::os::unix::fs::symlink(path("former.html"), path("link.html")).unwrap();
    let file = OutputFile::check("--html", "report.html", &path("link.html"), |_| true).unwrap();
    let failed = file.write(|_| Err(std::io::Error::other("full")));
    assert!(format!("{:#}", failed.unwrap_err()).contains("check the disk space"));
    assert_eq!(fs::read_to_string(path("former.html")).unwrap(), "former");
    file.write(|to| to.write_all(b"new")).unwrap();
    assert_eq!(fs::read_to_string(path("former.html")).unwrap(), "new");
    assert!(path("link.html").is_symlink());
}
