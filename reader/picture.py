#!/usr/bin/env python3
"""Draws what a program wrote on a terminal, colours included, as an SVG.

    picture.py COMMAND-LINE-SHOWN < output > picture.svg

Knows Select Graphic Rendition (ECMA-48, 8.3.117) in the colours that the consumer uses; nothing else may be in the output.
"""

import html
import re
import sys

COLUMN, ROW, SIZE, MARGIN, BAR = 8.4, 20, 14, 18, 38
BACKGROUND, FOREGROUND, FRAME = "#0d1117", "#e6edf3", "#30363d"
COLOURS = {
    31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#56d4dd",
    94: "#a5d6ff", 95: "#e2c5ff", 96: "#b3f0ff",
}
DIM = "#8b949e"
SEQUENCE = re.compile(r"\x1b\[([\d;]*)m")


def pieces(line):
    """The line's texts, each with its attributes."""
    codes = set()
    at = 0
    for match in SEQUENCE.finditer(line):
        if match.start() > at:
            yield line[at:match.start()], frozenset(codes)
        for code in (int(code or 0) for code in match[1].split(";")):
            codes = codes | {code} if code else set()
        at = match.end()
    if at < len(line):
        yield line[at:], frozenset(codes)


def look(codes):
    colour = next((COLOURS[code] for code in codes if code in COLOURS), DIM if 2 in codes else FOREGROUND)
    weight = ' font-weight="bold"' if 1 in codes else ""
    return f'fill="{colour}"{weight}'


def row(line, y):
    out, column = [], 0
    for text, codes in pieces(line):
        # Each piece is put where its column is, and made as wide as its columns are, whatever font there is.
        if text.strip():
            shown = text.lstrip(" ")
            x = MARGIN + (column + len(text) - len(shown)) * COLUMN
            # Spaces that stay, in every viewer.
            shown = shown.rstrip(" ").replace(" ", "\u00a0")
            out.append(
                f'<text x="{x:.1f}" y="{y}" textLength="{len(shown) * COLUMN:.1f}" {look(codes)}>{html.escape(shown)}</text>'
            )
        column += len(text)
    return "".join(out)


def main():
    command = sys.argv[1]
    lines = ["\x1b[32m$\x1b[0m \x1b[1m" + command + "\x1b[0m"] + sys.stdin.read().rstrip("\n").split("\n")
    columns = max(len(SEQUENCE.sub("", line)) for line in lines)
    width, height = 2 * MARGIN + columns * COLUMN, BAR + len(lines) * ROW + MARGIN
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" '
        f'role="img" aria-label="{html.escape(command)}">'
        f'<rect x=".5" y=".5" width="{width - 1:.0f}" height="{height - 1}" rx="9" fill="{BACKGROUND}" stroke="{FRAME}"/>'
    )
    for index, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        print(f'<circle cx="{MARGIN + 4 + 20 * index}" cy="19" r="6" fill="{colour}"/>')
    print(
        f'<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" font-size="{SIZE}">'
    )
    for index, line in enumerate(lines):
        print(row(line, BAR + 14 + index * ROW))
    print("</g></svg>")


if __name__ == "__main__":
    main()
