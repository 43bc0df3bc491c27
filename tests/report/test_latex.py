"""Tables for papers: every number as in the CSV, nothing that LaTeX would take for a command."""

import csv
import re
from pathlib import Path

import pytest
from fixtures.hostile import HOSTILE

from fmstudy.report import latex
from fmstudy.study.spec import RunSpec

# What LaTeX prints for each command that may stand in a table.
PRINTED = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textasciigrave{}": "`",
    "-{}": "-",
    "{[}": "[",
    "{]}": "]",
    "{*}": "*",
    "''": '"',
    "$<$": "<",
    "$>$": ">",
    "$|$": "|",
    "$-$": "−",
    r"$\pm$": "±",
    r"$\times$": "×",
    r"\,": " ",
    r"\{": "{",
    r"\}": "}",
    **{rf"\{sign}": sign for sign in "$&%#_"},
}


def read_back(text: str) -> str:
    """Print a cell as LaTeX would, from left to right; fail at anything that is not known."""
    text = re.sub(r"^\\texttt\{(.*)\}$", r"\1", text)
    out = ""
    while text:
        known = next((command for command in PRINTED if text.startswith(command)), None)
        assert known or text[0] not in "\\{}$&%#_~^", text
        out += PRINTED[known] if known else text[0]
        text = text[len(known) if known else 1 :]
    return out


def body(text: str) -> list[list[str]]:
    """The rows of a table, heads first, by a reading of LaTeX of our own."""
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    begin = re.fullmatch(r"\\begin\{(tabular|longtable)\}\{(.+)\}", lines[0])
    assert begin, lines[0]
    assert lines[-1] == rf"\end{{{begin[1]}}}"
    kinds = re.sub(r"p\{[\d.]+\\linewidth\}", "p", begin[2])
    assert set(kinds) <= set("lrp")
    inner = [line for line in lines[1:-1] if line.endswith(r"\\")]
    commands = [line for line in lines[1:-1] if not line.endswith(r"\\")]
    assert set(commands) <= {
        *(r"\toprule", r"\midrule", r"\bottomrule"),
        *(r"\endfirsthead", r"\endhead", r"\endfoot", r"\endlastfoot"),
    }
    rows = [
        re.split(r"(?<!\\)&", line.removesuffix(r"\\"))
        for line in inner
        if "multicolumn" not in line
    ]
    if begin[1] == "longtable":
        assert rows.pop(1) == rows[0]  # the head of the first page, and of the others
    assert {len(row) for row in rows} == {len(kinds)}
    return [[cell.strip() for cell in row] for row in rows]


def table(directory: Path, name: str, rows: list[dict]) -> str:
    path = directory / f"{name}.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return latex.export(path)


MODEL = {"model": "B_1", "seeds": 4, "diverged": 0, "test_accuracy": 0.87215}
MODEL |= {"test_accuracy_sd": 0.0018, "test_accuracy_min": 0.8703, "test_accuracy_max": 0.8746}
MODEL |= {"gap_loss": -0.058, "gap_loss_low": -0.0611, "gap_loss_high": 0.0123, "p": 0.00001}
MODEL |= {"gradient": 1.519800981e-07, "validation_loss": ""}


def test_names_that_are_commands_to_latex_are_printed_as_they_are(tmp_path):
    rows = body(table(tmp_path, "x", [{"title": HOSTILE, "model": HOSTILE}]))
    printed = "".join(sign for sign in " ".join(HOSTILE.split()) if sign.isprintable())
    assert [read_back(cell) for cell in rows[1]] == [printed, printed]


def test_a_line_break_in_a_name_ends_no_row_and_no_comment(tmp_path):
    text = table(tmp_path, "x", [{"title": "a\r\nb\\\\", "reason": "\x00c"}])
    assert body(text)[1] == [r"a b\textbackslash{}\textbackslash{}", "c"]
    assert all(line.startswith("%") for line in text.split(r"\begin")[0].splitlines())


def test_numbers_have_the_digits_of_the_report_and_come_from_the_csv(tmp_path):
    lost = dict.fromkeys(MODEL, "") | {"model": "C", "seeds": 2, "diverged": 2}
    [head, row, empty, single] = body(table(tmp_path, "x", [MODEL, lost, MODEL | {"seeds": 1}]))
    found = dict(zip(map(read_back, head), row, strict=True))
    assert found == {
        "Name": r"\texttt{B\_1}",
        "Seeds": "4",
        "Diverged": "0",
        "Test accuracy, %": "87.22 (87.03 to 87.46)",
        "Gap in loss": "$-$0.058",
        "Gap in loss, 95 % interval": "$-$0.061 to +0.012",
        "p": "$<$ 0.001",
        "First gradients": r"$1.5\cdot 10^{-7}$",
    }
    assert single[3] == "87.22"  # without a range
    assert empty == [r"\texttt{C}", "2", "2", "diverged", "diverged", "--", "--", "--"]


@pytest.mark.parametrize(
    ("row", "printed"),
    [
        ({"metric": "test_accuracy", "difference": 0.07085}, "+7.09"),
        ({"metric": "test_loss", "difference": 0.07085}, "+0.071"),
        ({"unit": "percent", "difference": -0.3379}, "$-$0.34"),
        ({"unit": "factor", "mean": 0.5119}, r"$\times$ 3.25"),
        ({"unit": "points", "mean": 0.8927}, "89.27"),
        ({"unit": "", "mean": 4.2e-7}, r"$4.20\cdot 10^{-7}$"),
    ],
)
def test_a_measured_value_is_written_in_its_rows_unit(tmp_path, row, printed):
    assert body(table(tmp_path, "x", [row]))[1][-1] == printed


@pytest.mark.parametrize(("rows", "environment"), [(40, "tabular"), (41, "longtable")])
def test_a_table_longer_than_a_page_goes_over_pages(tmp_path, rows, environment):
    text = table(tmp_path, "x", [{"title": f"row {i}", "epochs": i} for i in range(rows)])
    assert rf"\begin{{{environment}}}" in text
    assert [row[1] for row in body(text)[1:]] == [str(i) for i in range(rows)]
    assert ("longtable" in text.splitlines()[1]) == (environment == "longtable")


def test_what_is_the_same_in_every_row_of_a_wide_table_stands_above_it(tmp_path):
    same = dict.fromkeys(RunSpec(engine="keras", hidden=()).as_dict(), 3)
    assert len(same) >= latex.WIDE
    text = table(tmp_path, "x", [same | {"seed": 1}, same | {"seed": 2}])
    assert body(text) == [["Seed"], ["1"], ["2"]]
    assert "Learning rate: 3" in text.split(r"\begin")[0]
    narrow = table(tmp_path, "y", [{"title": "a", "seed": 1}, {"title": "a", "seed": 2}])
    assert len(body(narrow)[0]) == 2


def test_the_same_table_has_the_same_bytes_and_says_what_it_needs(tmp_path):
    text = table(tmp_path, "part_x", [MODEL])
    assert text == table(tmp_path, "part_x", [MODEL])
    assert "booktabs" in text.splitlines()[1]
    assert r"\input{part_x}" in text.splitlines()[1]
    assert r"\begin{table}" not in text
    assert not re.search(r"\d\.\d{7}", text)


def test_a_table_without_rows_is_still_latex(tmp_path):
    (tmp_path / "none.csv").write_text("experiment,seed,seconds\n", encoding="utf-8")
    text = latex.export(tmp_path / "none.csv")
    assert body(text) == [["Experiment", "Seed", "Time, s"]]
