//! Tests of `secret-replicator completions`, in bash. `tests/independent/test_completions.py` uses zsh.

use std::process::Command;

use super::call;

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let called = call(&["completions", shell]);
        assert_eq!(called.code, Some(0), "{shell}");
        assert!(called.stdout.contains("allowed-replica-regions"), "{shell}");
        assert!(called.stderr.is_empty(), "{shell}");
    }
    assert_eq!(call(&["completions", "cmd"]).code, Some(2));
}

/// The words on the command line, of which the last one is completed, and a completion.
const COMPLETED: [(&str, &str); 6] = [
    ("che", "check"),
    ("check --allowed", "--allowed-replica-regions"),
    ("check --output ", "json"),
    ("explain --kms", "--kms-key"),
    ("parameter --for ", "terraform"),
    ("completions power", "powershell"),
];

/// Returns what bash prints for a script.
fn bash(script: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_secret-replicator"))
        .parent()
        .unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", script])
        .env("PATH", path)
        .output()
        .unwrap_or_else(|error| panic!("bash: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bash_completes_after_a_subcommand() {
    for (words, completion) in COMPLETED {
        // Calls the function that `complete` registered, as bash does.
        let script = format!(
            "source <(secret-replicator completions bash)\n\
             COMP_WORDS=(secret-replicator {words}{empty})\n\
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             function=$(complete -p secret-replicator | sed 's/.* -F \\([^ ]*\\) .*/\\1/')\n\
             $function secret-replicator \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            empty = if words.ends_with(' ') { "''" } else { "" },
        );
        let completions = bash(&script);
        let found = completions.lines().any(|line| line == completion);
        assert!(found, "{words:?}: {completions}");
    }
}
