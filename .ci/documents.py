#!/usr/bin/env python3
"""Documents: links lead somewhere, named files and tests exist, decisions are numbered, complete and indexed. No file of
code is longer than 400 lines.

Usage: documents.py [--write]   (--write: writes the index of decisions, docs/decisions/README.md)
"""

import os
import re
import subprocess
import sys

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
# A file of this repository, as documents name it.
NAMED = re.compile(r"`((?:core|sinks|extension|reader|infra|examples|tests|docs|\.ci|\.github)/[\w./-]+\.\w+)`")
# A test of this repository, as documents name it: `tests/…/file.rs::its_name`.
TEST = re.compile(r"`([\w./-]+\.rs)::(\w+)`")
# Lines of a file of code: a longer one holds more than one concept. Data, snapshots and other people's files are none.
MOST_LINES = 400
CODE = ("*.rs", "*.ts", "*.js", "*.mjs", "*.cjs", "*.py", "*.sh", ".ci/*", "infra/publish-layer", "Makefile")
NOT_OURS = re.compile(r"/vendor/")
INDEX = "docs/decisions/README.md"
INDEX_HEAD = """# Decisions

Each answers one question, with what was given up. Numbers are in steps: a series belongs to one part. A new one begins as
a copy of [TEMPLATE.md](TEMPLATE.md); `.ci/documents.py --write` adds it here.

| number | decision |
|---|---|
"""


def decisions(problems):
    rows = []
    for name in sorted(os.listdir("docs/decisions")):
        if not re.match(r"\d{4}-", name):
            continue
        path = f"docs/decisions/{name}"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        title = re.match(rf"# {name[:4]}\. (.+)\n", text)
        if not title:
            problems.append(f"{path}:1: the title is not `# {name[:4]}. …`")
            continue
        for part in ("**Question.**", "**Answer.**", "**Given up.**"):
            if part not in text:
                problems.append(f"{path}: there is no {part}; see docs/decisions/TEMPLATE.md")
        rows.append(f"| [{name[:4]}]({name}) | {title.group(1)} |\n")
    return INDEX_HEAD + "".join(rows)


def is_test(path, name):
    """Whether a file has this function with an attribute of a test above it, or in a macro that makes tests."""
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as file:
        return bool(re.search(rf"#\[(?:tokio::)?test\b[^\n]*\]\s*(?:#\[[^\n]*\]\s*)*(?:async )?fn {name}\(", file.read()))


def tracked(*patterns):
    """Files of these names, those included that are not added yet."""
    names = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    return [path for path in subprocess.check_output(names, text=True).splitlines() if os.path.exists(path)]


def lengths(problems):
    for path in tracked(*CODE):
        if NOT_OURS.search(path):
            continue
        with open(path, encoding="utf-8") as file:
            lines = sum(1 for _ in file)
        if lines > MOST_LINES:
            problems.append(f"{path}: {lines} lines; split it where a concept ends (at most {MOST_LINES})")


def main():
    problems = []
    lengths(problems)
    index = decisions(problems)
    if "--write" in sys.argv[1:]:
        with open(INDEX, "w", encoding="utf-8") as file:
            file.write(index)
    with open(INDEX, encoding="utf-8") as file:
        if file.read() != index:
            problems.append(f"{INDEX}: is not the index of what is there; write it with .ci/documents.py --write")
    for path in tracked("*.md"):
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        for number, line in enumerate(lines, 1):
            for target in LINK.findall(line):
                if not re.match(r"[a-z]+:", target) and not os.path.exists(os.path.join(os.path.dirname(path), target)):
                    problems.append(f"{path}:{number}: the link {target} leads nowhere")
            for target in NAMED.findall(line):
                if not os.path.exists(target) and not re.search(r"NAME|ARCH", target) and path != "CHANGELOG.md":
                    problems.append(f"{path}:{number}: there is no {target}")
            for target, test in TEST.findall(line):
                if not is_test(target, test):
                    problems.append(f"{path}:{number}: {target} has no test {test}")
    print("\n".join(problems) or "documents: links, names, decisions and lengths are in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
