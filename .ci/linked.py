"""linked.py WHAT PACKAGE TARGET [CARGO OPTION…]: what is linked into a program of this workspace, as one of

    notices   the licence texts that must travel with it, as plain text
    sbom      a bill of materials: CycloneDX 1.6, as JSON

The same source gives the same bytes. A crate whose licence is unknown here, or whose text is missing, is an error.
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What may be linked, the one to choose first where a crate offers several. With Apache-2.0 one text serves most crates.
ACCEPTED = (
    "Apache-2.0", "MIT", "BSD-3-Clause", "BSD-2-Clause", "ISC", "Unicode-3.0", "Zlib", "BSL-1.0", "0BSD", "Unlicense", "CDLA-Permissive-2.0",
)  # fmt: skip

# How the text of each is known.
PHRASES = {
    "Apache-2.0": "Apache License",
    "MIT": "Permission is hereby granted, free of charge",
    "BSD-3-Clause": "used to endorse or promote products",
    "BSD-2-Clause": "Redistribution and use in source and binary forms",
    "ISC": "Permission to use, copy, modify, and",
    "Unicode-3.0": "UNICODE LICENSE V3",
    "Zlib": "provided 'as-is'",
    "BSL-1.0": "Boost Software License",
    "0BSD": "Permission to use, copy, modify, and",
    "Unlicense": "This is free and unencumbered software",
    "CDLA-Permissive-2.0": "Community Data License Agreement",
}

# Libraries in C that crates bring along, below the crate's folder.
BUNDLED = {"ring": ["LICENSE-BoringSSL", "LICENSE-other-bits"], "zstd-sys": ["zstd/LICENSE"]}

WITH_EVERY_PROGRAM = """Rust's standard library and what it is built of (hashbrown, gimli, addr2line, object, miniz_oxide, memchr,
rustc-demangle, libc, cfg-if): Apache-2.0, as chosen from "MIT OR Apache-2.0".
LLVM's libunwind: Apache-2.0 WITH LLVM-exception. Zig's compiler-rt: MIT, Copyright (c) Zig contributors.

---- LLVM Exceptions to the Apache 2.0 License ----

As an exception, if, as a result of your compiling your source code, portions of this Software are embedded into an Object form
of such source code, you may redistribute such embedded portions in such Object form without complying with the conditions of
Sections 4(a), 4(b) and 4(d) of the License.

In addition, if you combine or link compiled forms of this Software with software that is licensed under the GPLv2 ("Combined
Software") and if a court of competent jurisdiction determines that the patent provision (Section 3), the indemnity provision
(Section 9) or other Section of the License conflicts with the conditions of the GPLv2, you may retroactively and prospectively
choose to deem waived or otherwise exclude such Section(s) of the License, but only in their entirety and only with respect to
the Combined Software.
"""


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def linked(package, target, options):
    """The crates in the program, without those that only build it: as `cargo metadata` describes them, by name and version."""
    tree = cargo(
        "tree", "--locked", "-p", package, "--target", target, "-e", "normal,no-proc-macro", "--prefix", "none", "-f", "{p}", *options,
    )  # fmt: skip
    names = {tuple(line.split()[:2]) for line in tree.splitlines() if line.strip()}
    metadata = json.loads(
        cargo("metadata", "--locked", "--all-features", "--format-version", "1", "--filter-platform", target)
    )
    packages = {package["id"]: package for package in metadata["packages"]}
    chosen = {id: each for id, each in packages.items() if (each["name"], "v" + each["version"]) in names}
    if len(chosen) != len(names):
        sys.exit(f"error: {len(names)} crates are linked, {len(chosen)} are described")
    uses = {
        node["id"]: sorted(
            dependency["pkg"]
            for dependency in node["deps"]
            if dependency["pkg"] in chosen and any(kind["kind"] is None for kind in dependency["dep_kinds"])
        )
        for node in metadata["resolve"]["nodes"]
        if node["id"] in chosen
    }
    return dict(sorted(chosen.items(), key=lambda item: (item[1]["name"], item[1]["version"]))), uses


def is_ours(package):
    return package["source"] is None


def choose(expression):
    """The licences to comply with: one of each OR, all of each AND; `None` if that cannot be done with accepted ones."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def one_of():
        options = [all_of()]
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            options.append(all_of())
        possible = [option for option in options if option is not None]
        return min(possible, key=lambda option: (len(option), max(map(ACCEPTED.index, option)))) if possible else None

    def all_of():
        together = single()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            other = single()
            together = None if together is None or other is None else together | other
        return together

    def single():
        token = tokens.pop(0)
        if token == "(":
            inner = one_of()
            tokens.pop(0)
            return inner
        if tokens and tokens[0] == "WITH":
            del tokens[:2]
        return {token} if token in ACCEPTED else None

    return one_of()


def texts(package, licences):
    """The texts that must be shown for a crate, Apache's own apart."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = sorted(
        file
        for file in folder.iterdir()
        if re.match(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE)", file.name, re.I) and file.is_file()
    )
    contents = {file: file.read_text(encoding="utf-8", errors="replace") for file in files}
    shown = [text for file, text in contents.items() if file.name.upper().startswith("NOTICE")]
    for licence in sorted(licences - {"Apache-2.0"}):
        found = [text for text in contents.values() if PHRASES[licence] in " ".join(text.split())]
        if found:
            shown += found if len(licences) > 1 else found[:1]
        elif licence == "MIT":
            # Some packages name the licence and leave its text out.
            body = (ROOT / "LICENSE-MIT").read_text()
            authors = ", ".join(package["authors"]) or f"the authors of {package['name']}"
            shown.append(f"Copyright (c) {authors}\n\n" + body[body.index(PHRASES["MIT"]) :])
        else:
            sys.exit(f"error: {package['name']} {package['version']} is under {licence}, and has no text of it")
    for name in BUNDLED.get(package["name"], []):
        shown.append((folder / name).read_text())
    return shown


def notices(package, target, options):
    chosen, _ = linked(package, target, options)
    owners, lines = {}, []
    for each in chosen.values():
        if is_ours(each):
            continue
        licences = choose(each["license"] or "")
        if licences is None:
            sys.exit(
                f"error: {each['name']} {each['version']} is under {each['license']!r}: not among {', '.join(ACCEPTED)}"
            )
        lines.append(f"{each['name']} {each['version']}: {' AND '.join(sorted(licences))}")
        for text in texts(each, licences):
            owners.setdefault("\n".join(line.rstrip() for line in text.strip().splitlines()), []).append(each["name"])
    rule = "\n" + "=" * 100 + "\n"
    parts = [
        f"{package} is under MIT OR Apache-2.0. What is linked into it, and under which licence:\n\n" + "\n".join(lines)
    ]
    parts.append(WITH_EVERY_PROGRAM.strip())
    parts.append((ROOT / "LICENSE-MIT").read_text().strip())
    parts.append((ROOT / "LICENSE-APACHE").read_text().strip())
    parts += [f"{', '.join(sorted(set(names)))}:\n\n{text}" for text, names in owners.items()]
    return rule.join(parts) + "\n"


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def sbom(package, target, options):
    chosen, uses = linked(package, target, options)
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    digests = {(each["name"], each["version"]): each.get("checksum") for each in lock["package"]}
    components, program = [], None
    for each in chosen.values():
        component = {
            "type": "library",
            "bom-ref": purl(each),
            "name": each["name"],
            "version": each["version"],
            "purl": purl(each),
            "licenses": [{"expression": (each["license"] or "").replace("/", " OR ")}],
        }
        if digest := digests.get((each["name"], each["version"])):
            component["hashes"] = [{"alg": "SHA-256", "content": digest}]
        if each["name"] == package:
            program = {**component, "type": "application", "properties": [{"name": "cargo:target", "value": target}]}
        else:
            components.append(component)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": program},
        "components": components,
        "dependencies": [
            {"ref": purl(chosen[id]), "dependsOn": sorted({purl(chosen[other]) for other in others})} for id, others in sorted(uses.items(), key=lambda item: purl(chosen[item[0]]))
        ],
    }  # fmt: skip
    # Of the content, so that the same source has the same number.
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document, sort_keys=True))
    return json.dumps({"serialNumber": f"urn:uuid:{serial}", **document}, indent=1) + "\n"


def main(what, package, target, *options):
    sys.stdout.write({"notices": notices, "sbom": sbom}[what](package, target, options))


if __name__ == "__main__":
    main(*sys.argv[1:])
