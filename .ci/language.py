#!/usr/bin/env python3
"""Plain language: house words and riddles in Markdown, comments and texts for people.

Usage: language.py [PATH …]   (all files that git tracks, if none is named)

Fails where a house word is used more than once in 10,000 words, or where more than 6 % of the doc comments begin with a
bare question word: an index of "What …", "Whether …", "How …" reads as riddles. Prints each place.
"""

import re
import subprocess
import sys

# A house word, and what to write instead. Quoted text and code are left out.
HOUSE_WORDS = {
    r"mend(s|ed|ing)?": "fix, repair",
    r"parted": "separated",
    r"anew": "again",
    r"reckon(s|ed|ing)?": "compute",
    r"shall": "must, should",
    r"betoken(s|ed)?": "mean",
    r"hitherto": "so far",
    r"whither|whence|wherefrom": "where … to, from",
    r"nought|naught": "nothing",
    r"thereof|therein|hereof": "of it, in it",
}
HOUSE_WORDS_IN_10_000 = 1.0
QUESTION = re.compile(r"(What|Whether|How|Where|Whose|Who|Why|When)\b", re.ASCII)
QUESTIONS_OF_100 = 6.0

DOC = re.compile(r"^\s*(///|//!)\s?(.*)$")
TS_DOC = re.compile(r"^\s*/\*\*\s+(.*?)(\*/)?\s*$")
COMMENT = {
    ".rs": re.compile(r"^\s*///?!?\s?(.*)$|\s//\s(.*)$"),
    ".ts": re.compile(r"^\s*(?:/\*\*?|\*|//)\s?(.*)$"),
    ".py": re.compile(r"^\s*#\s?(.*)$"),
    ".sh": re.compile(r"^\s*#\s?(.*)$"),
    ".toml": re.compile(r"^\s*#\s?(.*)$"),
    "Makefile": re.compile(r"^\s*#\s?(.*)$|##\s(.*)$"),
}
CODE = re.compile(r"`[^`]*`|\bhttps?://\S+")
# A text in code, if it is prose: three words and more. Messages, help, descriptions of settings.
TEXTS = {
    ".rs": re.compile(r'"((?:[^"\\]|\\.)*)"'),
    ".ts": re.compile(r"'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`"),
    ".py": re.compile(r'"((?:[^"\\]|\\.)*)"'),
}
PROSE = re.compile(r"[A-Za-z]+ [a-z]+ [a-z]+")


def tracked():
    return subprocess.check_output(["git", "ls-files"], text=True).splitlines()


def comments(path, text):
    """Numbered lines of prose in a file."""
    if path.endswith(".md"):
        fenced = False
        for number, line in enumerate(text.splitlines(), 1):
            if line.lstrip().startswith("```"):
                fenced = not fenced
            elif not fenced:
                yield number, line
        return
    kind = next((pattern for ending, pattern in COMMENT.items() if path.endswith(ending)), None)
    for number, line in enumerate(text.splitlines() if kind else [], 1):
        match = kind.search(line)
        if match:
            yield number, next((group for group in match.groups() if group is not None), "")


def texts(path, text):
    """Numbered texts for people in a file of code."""
    pattern = next((pattern for ending, pattern in TEXTS.items() if path.endswith(ending)), None)
    if pattern is None or path == ".ci/language.py":
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(("//", "#", "*")):
            continue
        for match in pattern.finditer(line):
            inner = next((group for group in match.groups() if group is not None), "")
            if PROSE.search(inner):
                yield number, inner


def doc_comments(path, text):
    """The first line of each doc comment: its number and its words."""
    if path.endswith(".rs"):
        before = None
        for number, line in enumerate(text.splitlines(), 1):
            match = DOC.match(line)
            kind = match.group(1) if match else None
            if match and kind != before:
                yield number, match.group(2)
            before = kind
    elif path.endswith(".ts"):
        lines = text.splitlines()
        for number, line in enumerate(lines, 1):
            if line.strip() == "/**" and number < len(lines):
                yield number + 1, lines[number].strip().lstrip("* ")
            else:
                match = TS_DOC.match(line)
                if match:
                    yield number, match.group(1)


def main():
    words, docs, house, questions = 0, 0, [], []
    patterns = [(re.compile(rf"\b{word}\b", re.IGNORECASE), better) for word, better in HOUSE_WORDS.items()]
    for path in sys.argv[1:] or tracked():
        if "/node_modules/" in path or "LICENSE" in path or "/vendor/" in path:
            continue
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except (UnicodeDecodeError, IsADirectoryError, FileNotFoundError):
            continue
        for number, line in [*comments(path, text), *texts(path, text)]:
            prose = CODE.sub(" ", line)
            words += len(prose.split())
            for pattern, better in patterns:
                for match in pattern.finditer(prose):
                    house.append(f"{path}:{number}: `{match.group(0)}`: write {better}")
        for number, line in doc_comments(path, text):
            docs += 1
            if QUESTION.match(line):
                questions.append(f"{path}:{number}: begins with a question word: {line[:80]}")
    house_rate = 10_000 * len(house) / max(words, 1)
    question_rate = 100 * len(questions) / max(docs, 1)
    too_many_words = house_rate > HOUSE_WORDS_IN_10_000
    too_many_questions = question_rate > QUESTIONS_OF_100
    print("\n".join((house if too_many_words else []) + (questions if too_many_questions else [])) or "plain", file=sys.stderr)
    print(f"{len(house)} house words in {words} words: {house_rate:.1f} in 10,000 (at most {HOUSE_WORDS_IN_10_000:.0f})")
    print(f"{len(questions)} of {docs} doc comments begin with a question word: {question_rate:.1f} % (at most {QUESTIONS_OF_100:.0f} %)")
    return 1 if too_many_words or too_many_questions else 0


if __name__ == "__main__":
    sys.exit(main())
