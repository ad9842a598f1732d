//! Tests of `secret-replicator check`.

use serde_json::json;

use super::{BROKEN, Files, GOOD, call, call_with_input};

#[test]
fn a_good_policy_takes_one_line() {
    let files = Files::new(&[("policy.yaml", GOOD)]);
    let path = files.path("policy.yaml");
    let called = call(&["check", &path]);
    assert_eq!(called.code, Some(0));
    assert_eq!(called.stdout, format!("{path}: 1 rule, no problems\n"));
    assert!(called.stderr.is_empty());
}

#[test]
fn every_error_is_shown_with_its_place_and_its_remediation() {
    let files = Files::new(&[("policy.yaml", BROKEN)]);
    let path = files.path("policy.yaml");
    let called = call(&["check", &path]);
    assert_eq!(called.code, Some(2));
    let shown = [
        "unknown-field",
        &format!("{path}:5:5"),
        "wehn: all",
        "help: ",
        "`when`",
        &format!("{path}: 1 error\n"),
    ];
    for text in shown {
        assert!(called.stdout.contains(text), "{text}\n{}", called.stdout);
    }
}

#[test]
fn a_failed_write_of_the_output_is_an_error() {
    let files = Files::new(&[("policy.yaml", GOOD)]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    // Only Linux has the device `/dev/full`.
    let Ok(full) = full else { return };
    let output = super::command(&["check", &files.path("policy.yaml")])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("failed to write to standard output"),
        "{stderr}"
    );
}

#[test]
fn a_lost_note_does_not_suppress_the_result() {
    let files = Files::new(&[("policy.yaml", GOOD)]);
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        return;
    };
    let path = files.path("policy.yaml");
    let arguments = [
        "explain",
        "--policy",
        &path,
        "--name",
        "a",
        "--region",
        "us-east-1",
        "--allowed-replica-regions",
        "us-west-2",
    ];
    let output = super::command(&arguments).stderr(full).output().unwrap();
    assert!(!output.stdout.is_empty());
    let noted = call(&arguments);
    let command =
        format!("`secret-replicator check {path} --allowed-replica-regions \"us-west-2\"`");
    assert!(noted.stderr.contains(&command), "{}", noted.stderr);
}

#[test]
fn warnings_fail_only_if_asked_to() {
    let files = Files::new(&[("policy.yaml", GOOD)]);
    let path = files.path("policy.yaml");
    let arguments = ["check", &path, "--allowed-replica-regions", "us-west-2"];
    let called = call(&arguments);
    assert_eq!(called.code, Some(0));
    assert!(called.stdout.contains("region-not-allowed"));
    assert!(called.stdout.ends_with(": 1 rule, 1 warning\n"));
    let strict = call(&[&arguments[..], &["--strict"]].concat());
    assert_eq!(strict.code, Some(1));
    assert_eq!(strict.stdout, called.stdout);
}

#[test]
fn json_has_the_problems_and_the_number_of_rules() {
    let good = call_with_input(&["check", "-", "--output", "json"], GOOD);
    assert_eq!(good.code, Some(0));
    assert_eq!(
        good.json(),
        json!([{"file": "standard input", "problems": [], "rules": 1}])
    );
    let broken = call_with_input(&["check", "-", "--output", "json"], BROKEN);
    assert_eq!(broken.code, Some(2));
    let answer = &broken.json()[0];
    assert_eq!(answer["rules"], json!(null));
    let problems = answer["problems"].as_array().unwrap();
    let misspelled = problems
        .iter()
        .find(|problem| problem["code"] == "unknown-field")
        .unwrap();
    assert_eq!(misspelled["severity"], "error");
    assert_eq!(
        (&misspelled["line"], &misspelled["column"]),
        (&json!(5), &json!(5))
    );
    for key in ["path", "message", "hint"] {
        assert!(misspelled[key].is_string(), "{key}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_remediation() {
    let files = Files::new(&[]);
    std::fs::write(files.path("binary.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    let cases = [
        (files.path("missing.yaml"), "check the path"),
        (files.path("binary.yaml"), "UTF-8"),
        (files.path(""), "name the file"),
    ];
    for (path, remediation) in cases {
        let called = call(&["check", &path]);
        assert_eq!(called.code, Some(2), "{path}");
        assert!(called.stdout.is_empty());
        let error = called.stderr;
        assert!(
            error.starts_with(&format!("error: failed to read {path}: ")),
            "{error}"
        );
        assert!(error.contains(remediation), "{error}");
    }
}

#[test]
fn an_invalid_region_is_refused() {
    let called = call(&["check", "-", "--allowed-replica-regions", "frankfurt"]);
    assert_eq!(called.code, Some(2));
    assert!(
        called
            .stderr
            .contains("`frankfurt` is not a Region code; did you mean `eu-central-1`?"),
        "{}",
        called.stderr
    );
}

#[test]
fn a_policy_that_does_not_fit_the_environment_is_a_warning_that_names_the_file() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases/policies");
    let path = format!("{folder}/07-policy-many-quotes.json");
    // All settings share Lambda's 4 KB for environment variables, so the Regions count too.
    let regions = "af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-south-1 ap-southeast-1 \
        ap-southeast-2 ca-central-1 eu-central-1 eu-north-1 eu-south-1 eu-west-1 eu-west-2 eu-west-3 \
        me-south-1 sa-east-1 us-west-2";

    let called = call(&["check", &path, "--allowed-replica-regions", regions]);

    assert_eq!(called.code, Some(0), "{}", called.stderr);
    for text in ["environment-too-large", "4096", "REPLICATION_POLICY_FILE"] {
        assert!(called.stdout.contains(text), "{text}\n{}", called.stdout);
    }

    let near = format!("{folder}/07-policy-near-3072.json");
    for (path, regions) in [(&path, "us-west-2"), (&near, regions)] {
        let called = call(&["check", path, "--allowed-replica-regions", regions]);
        let is_too_large = called.stdout.contains("environment-too-large");
        assert!(!is_too_large, "{}", called.stdout);
    }
}

#[test]
fn several_policies_are_checked_at_once_and_the_gravest_problem_decides() {
    let files = Files::new(&[("good.yaml", GOOD), ("broken.yaml", BROKEN)]);
    let [good, broken] = ["good.yaml", "broken.yaml"].map(|name| files.path(name));
    let called = call(&["check", &good, &broken]);
    assert_eq!(called.code, Some(2), "{}", called.stderr);
    assert!(
        called
            .stdout
            .starts_with(&format!("{good}: 1 rule, no problems\n"))
    );
    assert!(called.stdout.ends_with(&format!("{broken}: 1 error\n")));
    let answer = call(&["check", &good, &broken, "--output", "json"]).json();
    assert_eq!(
        (&answer[0]["file"], &answer[1]["file"]),
        (&json!(good), &json!(broken))
    );
    let twice = call(&["check", "-", "-"]);
    assert_eq!(twice.code, Some(2));
    assert!(twice.stderr.contains("only one policy"), "{}", twice.stderr);
}

#[test]
fn a_region_that_is_not_known_is_a_warning_with_the_one_that_may_be_meant() {
    let policy = GOOD.replace("eu-west-1", "eu-wset-1");
    let arguments = [
        "check",
        "-",
        "--allowed-replica-regions",
        "us-west-2 eu-wset-1",
    ];
    let called = call_with_input(&arguments, &policy);
    assert_eq!(called.code, Some(0));
    assert!(
        called.stdout.contains("did you mean `eu-west-1`?"),
        "{}",
        called.stdout
    );
    assert_eq!(
        called.stderr,
        "warning: --allowed-replica-regions: `eu-wset-1` is not a known Region; did you mean `eu-west-1`?\n"
    );
    let strict = call_with_input(&[&arguments[..], &["--strict"]].concat(), GOOD);
    assert_eq!(strict.code, Some(1), "{}", strict.stdout);
}

#[test]
fn fields_that_the_settings_leave_without_effect_are_warnings() {
    let policy = "{version: 1, removal: covered, rules: [{name: a, when: all, replicate-to: eu-west-1, \
                  overwrite: true}]}";
    let called = call_with_input(&["check", "-"], policy);
    for code in ["overwrite-not-allowed", "removal-not-allowed"] {
        assert!(called.stdout.contains(code), "{}", called.stdout);
    }
    let allowed = ["check", "-", "--allow-overwrite", "--allow-removal"];
    let called = call_with_input(&allowed, policy);
    assert!(
        called.stdout.ends_with("no problems\n"),
        "{}",
        called.stdout
    );
}
