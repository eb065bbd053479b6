"""sizes.py BINARY [DOCUMENT]: what each dependency costs in a binary with symbols, as a table in Markdown; in the
document it takes the place of what stands between the markers.

Code counts for the crate that its symbol names first; what the standard library does for a type of some crate counts for that
one. Constants and tables have no owner and are counted together.
"""

import collections
import pathlib
import re
import subprocess
import sys

# Dependencies that are one thing for a person. The first that matches counts.
GROUPS = [
    ("AWS SDK: Kinesis", r"aws_sdk_kinesis"),
    ("AWS SDK: Firehose", r"aws_sdk_firehose"),
    ("AWS SDK: STS, SSO (credentials)", r"aws_sdk_(sts|sso|ssooidc|signin)"),
    ("AWS SDK: configuration and credentials", r"aws_(config|credential_types)"),
    ("AWS SDK: runtime (smithy)", r"aws_(smithy\w*|runtime\w*|sigv4|types)|sha2|hmac|digest|crypto_common|block_buffer"),
    ("TLS: rustls, ring, webpki, roots", r"rustls\w*|webpki\w*|ring|ring_core\w*|tokio_rustls|untrusted|x509\w*|rustls_pki_types"),
    ("HTTP: hyper, http, httparse", r"hyper\w*|http|http_body\w*|httparse|h2|tower\w*"),
    ("tokio", r"tokio\w*|mio|futures\w*|pin_project\w*|bytes|parking_lot\w*"),
    ("zstd", r"zstd\w*|(ZSTD|FSE|HUF|HIST|COVER|ZBUFF|FASTCOVER|ZDICT|XXH|POOL|MEM)\w*"),
    ("gzip (flate2)", r"flate2|miniz_oxide|adler2?|crc32fast|simd_adler32"),
    ("regular expressions", r"regex\w*|aho_corasick"),
    ("configuration: figment, toml, serde", r"figment|toml\w*|winnow|serde\w*|itoa|ryu|zmij|uncased|strsim"),
    ("allocator", r"mimalloc|libmimalloc\w*|_?mi_\w*|tikv\w*|jemalloc\w*|snmalloc\w*|talc\w*|dlmalloc\w*"),
    ("forwarder: core", r"forwarder_core"),
    ("forwarder: sinks", r"forwarder_sinks"),
    ("forwarder: extension", r"telemetry_forwarder|main"),
    ("Rust: standard library", r"core|alloc|std|std_detect|hashbrown|memchr|rustc_demangle|gimli|addr2line|object|compiler_builtins|rust_\w*|__rust\w*"),
]

# `nm -S --demangle`: address, size, kind, name.
SYMBOL = re.compile(r"[0-9a-f]+ ([0-9a-f]+) (\w) (.*)")

# The crate that a Rust path begins with, behind `<`, `&`, `dyn` and the like.
CRATE = re.compile(r"(?<![\w:])([A-Za-z_][A-Za-z0-9_]*)(?=::)")


def owner(name):
    crates = CRATE.findall(name)
    # What the standard library does for a type of another crate, that crate asked for.
    word = next((crate for crate in crates if crate not in ("core", "alloc", "std")), crates[0] if crates else None)
    if word is None:
        word = re.split(r"[^A-Za-z0-9_]", name)[0]
    for group, pattern in GROUPS:
        if re.fullmatch(pattern, word):
            return group
    return "others in Rust" if crates else "C library"


def sections(binary):
    lines = subprocess.run(["size", "-A", "-d", binary], check=True, capture_output=True, text=True).stdout.splitlines()
    rows = (line.split() for line in lines)
    return {row[0]: int(row[1]) for row in rows if len(row) == 3 and row[1].isdigit()}


MARKERS = "<!-- make sizes: begin -->\n", "<!-- make sizes: end -->"


def main(binary, document=None):
    text = collections.Counter()
    lines = subprocess.run(["nm", "-S", "--demangle", binary], check=True, capture_output=True, text=True).stdout
    seen = set()
    for line in lines.splitlines():
        symbol = SYMBOL.fullmatch(line)
        if not symbol or symbol.group(2) not in "tTwW":
            continue
        # Several names for one function.
        address = line.split(" ", 1)[0]
        if address not in seen:
            seen.add(address)
            text[owner(symbol.group(3))] += int(symbol.group(1), 16)
    size = sections(binary)
    code = size.get(".text", 0)
    rows = text.most_common() + [("code without a name", max(0, code - sum(text.values())))]
    tables = sum(size.get(name, 0) for name in (".eh_frame", ".eh_frame_hdr", ".gcc_except_table"))
    rows += [("constants", size.get(".rodata", 0)), ("tables for unwinding", tables)]
    loaded = ("debug", "symtab", "strtab", "comment", "note", "shstrtab", "bss")
    rest = sum(count for name, count in size.items() if not any(part in name for part in loaded))
    rows.append(("other sections", rest - code - tables - size.get(".rodata", 0)))
    table = "| | KB |\n|---|--:|\n"
    for name, count in rows:
        table += f"| {name} | {count / 1e3:.0f} |\n"
    table += f"| **together** | **{rest / 1e3:.0f}** |\n"
    print(table, end="")
    if document:
        path = pathlib.Path(document)
        before, after = path.read_text().split(MARKERS[0])
        path.write_text(before + MARKERS[0] + table + MARKERS[1] + after.split(MARKERS[1])[1])


main(*sys.argv[1:])
