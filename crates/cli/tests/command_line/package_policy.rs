//! Tests of `secret-replicator package-policy`.

use std::io::Read;

use super::{BROKEN, Files, GOOD, call, call_with_input};

/// Packages a policy to a file in a directory.
fn package(directory: &std::path::Path, name: &str, policy: &str) -> (super::Called, Vec<u8>) {
    let path = directory.join(name);
    let output = path.to_str().expect("a path in Unicode");
    let called = call_with_input(&["package-policy", "-", "--output", output], policy);
    (called, std::fs::read(&path).unwrap_or_default())
}

#[test]
fn equal_policies_make_equal_layers_with_the_policy_at_the_root() {
    let directory = tempfile::tempdir().expect("a directory");
    let (called, first) = package(directory.path(), "a.zip", GOOD);
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let (_, second) = package(directory.path(), "b.zip", GOOD);
    assert!(!first.is_empty());
    assert_eq!(first, second);

    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(first)).expect("a zip");
    assert_eq!(archive.len(), 1);
    let mut file = archive.by_name("policy.yaml").expect("the policy");
    assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(0o644));
    let mut text = String::new();
    file.read_to_string(&mut text).expect("text");
    assert_eq!(text, GOOD);
}

#[test]
fn the_digest_is_that_of_the_policy_and_the_command_publishes_the_zip() {
    let directory = tempfile::tempdir().expect("a directory");
    let (called, _) = package(
        directory.path(),
        "a.zip",
        "version: 1\nrules: [{name: a, when: all, replicate-to: eu-west-1}]\n",
    );
    // From `sha256sum`.
    let digest = "07f0f76b477312ffc96dba866e0a932f04fa335a1440b8746e454a7a3aa00638";
    assert!(
        called
            .stdout
            .contains(&format!("SHA-256 of the policy: {digest}\n")),
        "{}",
        called.stdout
    );
    assert!(
        called.stdout.contains("aws lambda publish-layer-version"),
        "{}",
        called.stdout
    );
    assert!(
        called.stdout.contains("fileb://") && called.stdout.contains("a.zip"),
        "{}",
        called.stdout
    );
}

#[test]
fn a_wrong_policy_is_not_packaged() {
    let directory = tempfile::tempdir().expect("a directory");
    let (called, zip) = package(directory.path(), "a.zip", BROKEN);
    assert_eq!(called.code, Some(2));
    assert!(
        called.stderr.contains("did you mean `when`?"),
        "{}",
        called.stderr
    );
    assert!(zip.is_empty());
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let called = call_with_input(
        &["package-policy", "-", "--output", "/no/such/folder/a.zip"],
        GOOD,
    );
    assert_eq!(called.code, Some(2));
    assert!(
        called
            .stderr
            .contains("failed to write /no/such/folder/a.zip"),
        "{}",
        called.stderr
    );
}

#[test]
fn a_policy_is_not_replaced_by_its_zip() {
    let files = Files::new(&[("policy.yaml", GOOD)]);
    let policy = files.path("policy.yaml");
    let called = call(&["package-policy", &policy, "--output", &policy]);
    assert_eq!(called.code, Some(2));
    assert!(
        called.stderr.contains("must name a new file or a zip"),
        "{}",
        called.stderr
    );
    assert_eq!(std::fs::read_to_string(&policy).unwrap(), GOOD);
}

#[test]
fn a_layer_is_not_written_to_standard_output() {
    let files = super::Files::new(&[("policy.yaml", "{version: 1, rules: []}")]);
    let policy = files.path("policy.yaml");
    let called = call(&["package-policy", &policy, "--output", "-"]);
    assert_ne!(called.code, Some(0));
    assert!(
        called
            .stderr
            .contains("--output must name a file, found `-`"),
        "{}",
        called.stderr
    );
}
