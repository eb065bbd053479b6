#!/usr/bin/env python3
"""Modules of a crate, or of a folder in one, do not use each other in a circle. What a module and its own submodules have
in common is one concept and no circle. Tests do not count.

Usage: circles.py
"""

import pathlib
import re
import subprocess
import sys

# `crate::a::b`, `super::super::a`, `self::a`; an opened group follows the path.
PATH = re.compile(r"\b(crate|self|super(?:::super)*)((?:::\w+)*)(::\{)?")
TESTS = re.compile(r"#\[cfg\(test\)\]\s*mod \w+ \{")


def crates():
    manifests = subprocess.check_output(["git", "ls-files", "*Cargo.toml"], text=True).split()
    return [src for manifest in manifests if (src := pathlib.Path(manifest).parent / "src").is_dir()]


def modules(src):
    """The file of each module, by its path in the crate."""
    found = {}
    for file in sorted(src.rglob("*.rs")):
        parts = file.relative_to(src).with_suffix("").parts
        if "bin" in parts[:1] or any(part.endswith("tests") for part in parts):
            continue
        if parts[-1] == "mod" or parts in (("lib",), ("main",)):
            parts = parts[:-1]
        found[parts] = file
    return found


def items(text, start):
    """The paths in a group of `use` that opens at `start`, each without what it opens itself."""
    depth, item = 0, ""
    for char in text[start:]:
        depth += (char == "{") - (char == "}")
        if depth < 0:
            break
        if char == "," and depth == 0:
            yield item
            item = ""
        elif depth == 0:
            item += char
    yield item


def used(module, file, known):
    """The modules that one uses."""
    code = TESTS.split(file.read_text(encoding="utf-8"))[0]
    code = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("//"))
    for path in PATH.finditer(code):
        up = path[1].count("super")
        base = () if path[1] == "crate" else module[: len(module) - up]
        tail = tuple(re.findall(r"\w+", path[2]))
        inner = [tuple(re.findall(r"\w+", item)) for item in items(code, path.end())] if path[3] else [()]
        for names in inner:
            target = base + tail + names
            while target not in known:
                target = target[:-1]
            yield target


def circles(src):
    known = modules(src)
    uses = {(module, other) for module, file in known.items() for other in used(module, file, known)}
    for folder in sorted({module[:depth] for module in known for depth in range(len(module))}):
        depth = len(folder)
        inside = [pair for pair in uses if all(len(end) > depth and end[:depth] == folder for end in pair)]
        graph = {}
        for one, other in inside:
            if one[depth] != other[depth]:
                graph.setdefault(one[depth], {})[other[depth]] = f"{'::'.join(one)} uses {'::'.join(other)}"
        reach = {one: closure(graph, one) for one in graph}
        for one in sorted(graph):
            for other in sorted(graph[one]):
                if one in reach.get(other, ()):
                    yield f"{src}: {graph[one][other]}, which leads back"


def closure(graph, start):
    seen, open_ = set(), [start]
    while open_:
        for other in graph.get(open_.pop(), ()):
            if other not in seen:
                seen.add(other)
                open_.append(other)
    return seen


def main():
    sources = crates()
    problems = [problem for src in sources for problem in circles(src)]
    print("\n".join(problems) or f"circles: none in {len(sources)} crates")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
