//! Tests of `secret-replicator completions`, in the shells themselves.

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

/// Returns what a shell prints for a script.
fn shell(program: &str, script: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_secret-replicator"))
        .parent()
        .unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = Command::new(program)
        .args(["-c", script])
        .env("PATH", path)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
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
        let completions = shell("bash", &script);
        let found = completions.lines().any(|line| line == completion);
        assert!(found, "{words:?}: {completions}");
    }
}

#[test]
fn zsh_completes_after_a_subcommand() {
    if Command::new("zsh").arg("--version").output().is_err() {
        // Few systems have zsh. The test of bash covers the definition of the commands.
        return;
    }
    for (words, completion) in COMPLETED {
        // A terminal of zsh's own, in which Tab lists the completions.
        let script = format!(
            "zmodload zsh/zpty\n\
             zpty z zsh -f -i\n\
             zpty -w z \"PS1= PROMPT_SP= ; autoload -Uz compinit; compinit -u -D; \
             source <(secret-replicator completions zsh); bindkey '^I' complete-word; \
             LISTMAX=1000; print rea''dy\"\n\
             zpty -r z line '*ready*'\n\
             zpty -w -n z \"secret-replicator {words}\"$'\\t'\n\
             sleep 2\n\
             zpty -r -t z line\n\
             while zpty -r -t z more; do line+=$more; done\n\
             print -r -- \"$line\"\n"
        );
        let completions = shell("zsh", &script);
        assert!(
            completions.contains(completion),
            "{words:?}: {completions:?}"
        );
    }
}
