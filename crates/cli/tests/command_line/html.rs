//! Tests of `--html`.

use secret_replicator_emulator::SecretSeed;

use crate::Files;
use crate::account::{Account, HOME, OLD, secret};

const POLICY: &str = r#"
version: 1
rules:
  - name: tier-1
    when: { tags: { tier: "1" } }
    replicate-to: [us-west-2, eu-west-1]
"#;

fn account() -> Account {
    let covered = |name| secret(name).with_tag("tier", "1").with_value("hunter2");
    Account::new([
        covered("prod/done")
            .with_replica_in("us-west-2")
            .with_replica_in("eu-west-1")
            .with_tag("owner", "confidential-tag"),
        covered("prod/half").with_replica_in("us-west-2"),
        covered("prod/taken").with_replica_in("us-west-2"),
        SecretSeed::new("eu-west-1", "prod/taken").with_age(OLD),
        secret("not-covered"),
    ])
}

#[test]
fn a_page_has_the_report_and_standard_output_stays_the_same() {
    let account = account();
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let (policy, html) = (files.path("policy.yaml"), files.path("page.html"));
    for command in ["status", "plan"] {
        let arguments = [command, &policy, "--region", HOME];
        let without = account.call(&arguments);
        let with = account.call(&[&arguments[..], &["--html", &html]].concat());
        assert_eq!((with.code, &with.stdout), (without.code, &without.stdout));
        assert!(with.stderr.contains("wrote the page to"), "{}", with.stderr);
        let page = std::fs::read_to_string(&html).unwrap();
        for text in [
            "<dd>123456789012</dd>",
            HOME,
            "prod/half",
            "prod/taken",
            "name-already-exists",
            "eu-west-1 (1)",
        ] {
            assert!(page.contains(text), "{command}: {text}");
        }
        assert_eq!(page.contains("not-covered"), command == "status");
        assert_eq!(page.contains("USD per month"), command == "plan");
        for text in ["hunter2", "confidential-tag"] {
            assert!(!page.contains(text), "{command}: {text}");
        }
    }
}

#[test]
fn a_page_names_the_secrets_of_each_problem_and_says_what_to_do() {
    let account = account();
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let (policy, html) = (files.path("policy.yaml"), files.path("page.html"));
    let in_the_way = |command| {
        account.call(&[command, &policy, "--region", HOME, "--html", &html]);
        let page = std::fs::read_to_string(&html).unwrap();
        let (_, rest) = page.split_once("What stands in the way").unwrap();
        rest.split_once("</section>").unwrap().0.to_owned()
    };
    let shadowed = "<dt>Secrets</dt><dd>prod/taken</dd>";
    let status = in_the_way("status");
    for text in [
        shadowed,
        "<dt>Secrets</dt><dd>prod/half</dd>",
        "deploy a stack in the primary Region",
    ] {
        assert!(status.contains(text), "{text}\n{status}");
    }
    // A plan shows the missing replica as one to create.
    let plan = in_the_way("plan");
    assert!(
        plan.contains(shadowed) && !plan.contains("prod/half"),
        "{plan}"
    );
}

#[test]
fn a_page_says_what_was_selected() {
    let account = account();
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let (policy, html) = (files.path("policy.yaml"), files.path("page.html"));
    let page = |selection: &[&str]| {
        let arguments = ["status", &policy, "--region", HOME, "--html", &html];
        let called = account.call(&[&arguments, selection].concat());
        assert_eq!(called.code, Some(0), "{}", called.stderr);
        std::fs::read_to_string(&html).unwrap()
    };
    let missing = page(&[
        "--only=missing,shadowed",
        "--name=prod/",
        "--tag=tier=1",
        "--tag=tier",
    ]);
    assert!(missing.contains("--only missing,shadowed --name prod/ --tag tier=1 --tag tier"));
    assert!(missing.contains("prod/half") && !missing.contains("prod/done"));
    // The share of a selection says nothing about the account.
    let share = " wanted replicas in sync";
    assert!(!missing.contains(share) && page(&[]).contains(share));
    let in_sync = page(&["--only=in-sync"]);
    assert!(in_sync.contains("<p>Nothing in the selection.</p>"));
}

#[test]
fn a_file_that_cannot_be_written_costs_no_call() {
    let account = account();
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let policy = files.path("policy.yaml");
    for command in ["status", "plan"] {
        let html = files.path("missing/page.html");
        let called = account.call(&[command, &policy, "--region", HOME, "--html", &html]);
        assert_eq!(called.code, Some(1));
        assert_eq!(called.stdout, "");
        assert!(
            called.stderr.contains("or name another file"),
            "{}",
            called.stderr
        );
    }
    assert!(account.aws.calls().is_empty());
}

#[test]
fn a_page_replaces_no_file_but_a_page() {
    let account = account();
    let files = Files::new(&[("policy.yaml", POLICY)]);
    let (policy, html) = (files.path("policy.yaml"), files.path("page.html"));
    let call = |html: &str| account.call(&["plan", &policy, "--region", HOME, "--html", html]);
    assert_eq!(call(&html).code, Some(2));
    assert_eq!(call(&html).code, Some(2), "a former page is replaced");
    let refused = call(&policy);
    assert_eq!(refused.code, Some(1));
    let problem = "--html must name a new file or one that it has written";
    assert!(refused.stderr.contains(problem), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(&policy).unwrap(), POLICY);
}

#[test]
fn a_page_says_what_could_not_be_checked_and_which_tags_name_no_region() {
    let bad = |name| secret(name).with_tag("replicate-to", "us-west2 frankfurt");
    let account = Account::new([
        bad("a"),
        bad("b"),
        secret("c").with_tag("replicate-to", "eu-west-1"),
    ]);
    let files = Files::new(&[]);
    let html = files.path("page.html");
    let called = account.call(&[
        "plan", "--region", HOME, "--html", &html, "--output", "json",
    ]);
    let unchecked = called.json()["unchecked"].to_string();
    assert!(unchecked.contains("account:ListRegions"), "{unchecked}");
    let page = std::fs::read_to_string(&html).unwrap();
    for text in [
        "This report is incomplete",
        "Not checked: whether the account has enabled the Regions",
        // Two secrets with two tokens each.
        "<dt>Regions (secrets)</dt><dd>not a Region (2)</dd>",
        "<dt>Secrets</dt><dd>a, b</dd>",
        "<dt>Remediation of a</dt>",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("secret as a whole"));
}
