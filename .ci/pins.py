#!/usr/bin/env python3
"""Pins: actions by commit and without credentials, builds by lock file, tools by hash, fuzz targets in every list."""

import glob
import os
import re
import sys

# Commands of cargo that look for dependencies. `$(CARGO)` of the Makefile is locked.
CARGO = re.compile(r"\bcargo (?:\+\S+ )?(?:build|test|run|clippy|doc|bench|install|tree|zigbuild|mutants)\b")
NPM = re.compile(r"\bnpm (?:ci|install)\b")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def scripts():
    """Files with commands in them, each with its lines as they run: continued ones joined, comments left out."""
    for path in ["Makefile", *glob.glob(".ci/*"), *glob.glob(".github/workflows/*.yml"), "reader/picture.sh", "reader/picture-web.sh"]:
        if path.endswith((".py", ".txt", ".toml")) or not os.path.isfile(path):
            continue
        lines = read(path).replace("\\\n", " ").splitlines()
        yield path, [line for line in lines if not line.lstrip().startswith("#")]


def workflows(problems):
    for path in glob.glob(".github/workflows/*.yml"):
        lines = read(path).splitlines()
        for number, line in enumerate(lines, 1):
            used = re.search(r"uses: *(\S+)(.*)", line)
            if not used or used.group(1).startswith("./"):
                continue
            if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used.group(1)) or not re.match(r" # v\d", used.group(2)):
                problems.append(f"{path}:{number}: {used.group(1)} is not pinned by commit, with its version behind")
            if used.group(1).startswith("actions/checkout@") and "persist-credentials: false" not in "".join(lines[number : number + 3]):
                problems.append(f"{path}:{number}: a checkout without persist-credentials: false")


def commands(problems):
    for path, lines in scripts():
        for line in lines:
            if CARGO.search(line) and "--locked" not in line:
                problems.append(f"{path}: without --locked: {line.strip()[:100]}")
            # A folder of packages whose scripts are wanted says so in its .npmrc.
            if NPM.search(line) and "--ignore-scripts" not in line:
                problems.append(f"{path}: without --ignore-scripts: {line.strip()[:100]}")
    if not re.search(r"^CARGO := cargo --locked$", read("Makefile"), re.MULTILINE):
        problems.append("Makefile: CARGO is not `cargo --locked`")


def tools(problems):
    for path in glob.glob(".ci/*-tools.txt"):
        for line in read(path).replace("\\\n", " ").splitlines():
            if line and not line.startswith("#") and not re.search(r"\b[0-9a-f]{64}\b", line):
                problems.append(f"{path}: no hash: {line}")


def fuzz(problems):
    there = {os.path.basename(path)[:-3] for path in glob.glob("core/fuzz/fuzz_targets/*.rs")}
    there = {name for name in there if "fuzz_target!" in read(f"core/fuzz/fuzz_targets/{name}.rs")}
    nightly = re.search(r"target: \[([^]]*)\]", read(".github/workflows/nightly.yml"))
    security = re.search(r"(?m)^Fuzz targets: (.*)$", read("docs/SECURITY.md"))
    lists = {
        "core/fuzz/Cargo.toml": set(re.findall(r'path = "fuzz_targets/(\w+)\.rs"', read("core/fuzz/Cargo.toml"))),
        "core/fuzz/corpus": set(os.listdir("core/fuzz/corpus")),
        ".github/workflows/nightly.yml": set(re.findall(r"\w+", nightly.group(1) if nightly else "")),
        "docs/SECURITY.md": set(re.findall(r"`(\w+)`", security.group(1) if security else "")),
    }
    for path, names in lists.items():
        if names != there:
            problems.append(f"{path}: not the fuzz targets: {', '.join(sorted(names ^ there))}")


def main():
    problems = []
    for check in (workflows, commands, tools, fuzz):
        check(problems)
    print("\n".join(problems) or "pins: actions, builds, tools and fuzz targets are in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
