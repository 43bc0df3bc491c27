"""The report's texts: one sentence per line, each whole in every variant, and in natural English.

Conditions choose between lines and each line is a sentence, so that to read the lines is to read
every variant of every text.
"""

import re
from pathlib import Path

import pytest
from fixtures import REPOSITORY

FOLDER = REPOSITORY / "report/text"
TEXTS = sorted(FOLDER.rglob("*.md"))
NAMES = [path.relative_to(FOLDER).as_posix() for path in TEXTS]

TAG = re.compile(r"\{%.*?%\}")
# Lines that are no sentences: headings, boxes, formulas, blocks, comments, and code.
OTHER = re.compile(r"\s*(#|:::|\$\$|!\[[^]]*\]\(\w+:\S*\)$|<!--|```|$)")
ABBREVIATIONS = r"(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)(?<!\bcf)(?<!\bet al)(?<!\b[A-Z])"

# Phrases that read like a translation, see the style guide: with what to write instead.
AVOID = {
    r"\b(one|a|an) (job|panel|line|image|row|dot|point|bar) an? \w+": "one ... per ...",
    r"\bthe same without\b": "the same model without ...",
    r"\bwhat (came out|is said)\b": "results; claims",
    r"\b(is|are|was|were) done again\b": "repeat",
    r"\bhow far training had come\b": "how far training had progressed",
    r"\bin use\b": "at inference",
    r"\bway back\b": "backward pass",
    r"\bgot wrong\b": "misclassified",
    r"\bmade anew\b|\bredone\b|\bre-do\w*": "rebuilt; reproduced",
    r"\b(net|nets)\b": "network",
    r"\ba tenth of it\b": "the value",
    r"\bdo(es)? better on\b": "is more accurate on",
    r"\blooks? at\b": "examine; evaluate",
    r"\bdarker\b|\blighter\b": "a word that is true on dark pages, too",
    r"\bheld against\b|\bset against\b": "compare",
    r"\bthe one by\b": "...",
    r"\bof one's own\b": "your own",
}


def lines_of(path: Path) -> list[tuple[int, str]]:
    """The lines of a text with their numbers, without formulas, comments, and words in macros."""
    text = re.sub(
        r"<!--.*?-->|\$\$.*?\$\$|\{%-? set .*?%\}|\{% macro \w+\([^)]*\) -%\}.*?endmacro %\}",
        lambda found: "\n" * found[0].count("\n"),
        path.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    return list(enumerate(text.split("\n"), start=1))


def sentences(path: Path) -> list[tuple[int, str]]:
    """The lines that are sentences, with a stand-in for each value."""
    found = []
    for number, line in lines_of(path):
        plain = re.sub(r"\{\{.*?\}\}", "7", line).strip()
        plain = re.sub(r"^([-*]|\d+\.)\s+", "", plain)  # of a list
        if not TAG.search(line) and not OTHER.match(plain) and plain != "7":
            found.append((number, plain))
    return found


@pytest.mark.parametrize("path", TEXTS, ids=NAMES)
def test_logic_stands_on_lines_of_its_own(path: Path):
    wrong = [
        f"{n}: {line}" for n, line in lines_of(path) if TAG.sub("", line).strip() and "{%" in line
    ]
    assert not wrong


@pytest.mark.parametrize("path", TEXTS, ids=NAMES)
def test_conditions_are_simple(path: Path):
    """They compare; they do not compute: that is what report/facts.py is for."""
    tags = [
        (n, tag)
        for n, line in lines_of(path)
        for tag in re.findall(r"\{%-? (?:el)?if (.*?)%\}", line)
    ]
    wrong = [
        f"{n}: {tag}"
        for n, tag in tags
        if re.search(r"[-+*/|~](?![^\"]*\"\s*$)", re.sub(r'"[^"]*"', "", tag))
    ]
    assert not wrong


@pytest.mark.parametrize("path", TEXTS, ids=NAMES)
def test_a_line_is_one_whole_sentence(path: Path):
    wrong = [
        f"{n}: {line}"
        for n, line in sentences(path)
        if not re.search(r"[.!?:;](\*\*|[)”\]*_])*(\]\(\S*\))?$", line)
        or not re.match(r"[*_“(!\[`$]*([A-Z0-9“δγβσμε\\]|\[\]\()", line)
        or re.search(ABBREVIATIONS + r"[.!?]\)? [A-Z“]", re.sub(r"^\*\*.*?\*\*", "", line))
    ]
    assert not wrong


@pytest.mark.parametrize("path", TEXTS, ids=NAMES)
def test_phrases_of_translations_are_avoided(path: Path):
    found = [
        f"{n}: {found[0]!r}: better: {better}"
        for n, line in lines_of(path)
        for pattern, better in AVOID.items()
        for found in re.finditer(pattern, re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\(\w+:\S+\)", "", line))
    ]
    assert not found
