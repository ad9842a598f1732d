"""zsh completes the command line, also after a subcommand."""

import subprocess

import pytest

from processes import CLI

# A terminal of zsh's own, in which Tab lists the completions. The last command ends when the output has the word.
SCRIPT = """
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1= PROMPT_SP= ; autoload -Uz compinit; compinit -u -D; \
source <({cli} completions zsh); bindkey '^I' complete-word; LISTMAX=1000; print rea''dy"
zpty -r z line '*ready*'
zpty -w -n z "secret-replicator {words}"$'\t'
zpty -r z line '*{completion}*'
"""


@pytest.mark.parametrize("words, completion", [
    ("che", "check"),
    ("check --allowed", "--allowed-replica-regions"),
    ("check --output ", "json"),
    ("explain --kms", "--kms-key"),
    ("parameter --for ", "terraform"),
    ("completions power", "powershell"),
])
def test_zsh_completes_after_a_subcommand(words, completion):
    script = SCRIPT.format(cli=CLI, words=words, completion=completion)
    subprocess.run(["zsh", "-f", "-c", script], check=True, timeout=60)
