"""Fails if comments or documents contain one of the expressions of .config/discouraged-words.txt.

It checks the files that git tracks, or those that are named as arguments. It needs Python only.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORDS = ROOT / ".config/discouraged-words.txt"
# The changelog names what was replaced. The corpus is input of the fuzzers.
EXCLUDED = ("CHANGELOG.md", "fuzz/corpus/")

RUST_STRING = r'r(#*)".*?"\1|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\''
RUST = re.compile(rf"{RUST_STRING}|//[/!]?(?P<comment>[^\n]*)", re.S)
HASH = re.compile(r"(?:^|(?<=[\s@]))#+(?P<comment>[^\n]*)", re.M)
# A fenced block, or code in a line. The blank keeps the words around it apart.
CODE = re.compile(r"^[ >]*(```+|~~~+).*?^[ >]*\1|(`+)[^`\n]+\2", re.M | re.S)


def markdown(text):
    return {1: text}


def marked(pattern):
    """Returns a reader of the comments that `pattern` finds."""

    def comments(text):
        found = (match for match in pattern.finditer(text) if match["comment"] is not None)
        return {text.count("\n", 0, match.start()) + 1: match["comment"] for match in found}

    return comments


def python(text):
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = {token.start[0]: token.string[1:] for token in tokens if token.type == tokenize.COMMENT}
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node):
            found[node.body[0].lineno] = node.body[0].value.value
    return found


READERS = {
    ".md": markdown,
    ".py": python,
    ".rs": marked(RUST),
    **dict.fromkeys([".toml", ".yaml", ".yml", "Makefile"], marked(HASH)),
}


def paragraphs(prose):
    """Joins comments on consecutive lines, so that a phrase is found across a line break."""
    joined = {}
    first = last = None
    for line, text in sorted(prose.items()):
        if last is not None and line == last + 1:
            joined[first] += "\n" + text
        else:
            joined[first := line] = text
        last = line + text.count("\n")
    return joined


def findings(path, pattern):
    text = path.read_text()
    for line, prose in paragraphs(READERS[path.suffix or path.name](text)).items():
        # As many line breaks as before, so that the line numbers stay right.
        prose = CODE.sub(lambda code: "`" + "\n" * code[0].count("\n"), prose)
        for match in pattern.finditer(prose):
            yield line + prose.count("\n", 0, match.start()), " ".join(match[0].split())


def main(arguments):
    lines = WORDS.read_text().splitlines()
    expressions = [line.replace(" ", r"\s+") for line in lines if line and not line.startswith("#")]
    pattern = re.compile(rf"\b(?:{'|'.join(expressions)})\b", re.I)
    tracked = ["git", "-C", ROOT, "ls-files", "-z"]
    files = subprocess.run(tracked, check=True, capture_output=True, text=True).stdout.split("\0")
    count = 0
    for name in arguments or files:
        path = ROOT / name
        if name.startswith(EXCLUDED) or (path.suffix or path.name) not in READERS or not path.is_file():
            continue
        for line, words in findings(path, pattern):
            print(f"{name}:{line}: {words}")
            count += 1
    if count:
        sys.exit(f"{count} discouraged expressions: {WORDS.relative_to(ROOT)} says what to write instead.")


main(sys.argv[1:])
