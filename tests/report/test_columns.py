"""Columns: each of every table is described, and read and written as its description says."""

from pathlib import Path

import pytest
from fixtures.experiments import one_seed
from fixtures.report import configured, fabricate

from fmstudy.analysis import columns, comparing, error_analysis, experiment_tables, judging, ledger
from fmstudy.analysis.columns import COLUMNS, IN_TABLE, PAGE, TEXTS, column
from fmstudy.analysis.formats import DIVERGED, FORMATS, MISSING
from fmstudy.experiments import judging as bn_judging
from fmstudy.runtime import StudyError
from fmstudy.study.experiments import EXPERIMENTS
from fmstudy.study.spec import RunSpec


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# -------------------------------------------------------------------------- every column is known
def test_every_column_of_every_table_is_described(tmp_path: Path):
    tables = {
        path.stem: columns.header(path) for path in fabricate(tmp_path, configured())["tables"]
    }
    for experiment in EXPERIMENTS:
        tables[f"bn_{experiment}"] = ["seed", *one_seed(experiment, 1)[0]]
    computed = {
        "comparisons": comparing.COLUMNS,
        "ledger": ledger.COLUMNS,
        "claims": judging.COLUMNS,
        "bn_predictions": bn_judging.PREDICTIONS,
        "bn_claims": bn_judging.CLAIMS,
        "bn_costs": experiment_tables.COSTS,
        "hardest": error_analysis.HARDEST,
        "runs": RunSpec(engine="keras", hidden=()).as_dict(),
    }
    missing = []
    for table, keys in [*tables.items(), *computed.items()]:
        for key in keys:
            try:
                column(table, key)
            except StudyError as error:
                missing.append(str(error))
    assert not missing


def test_a_column_that_nobody_described_is_named(tmp_path: Path):
    path = write(tmp_path / "weights.csv", "model,sparsity", "A,0.5")
    for read in (columns.read, columns.read_rows):
        with pytest.raises(StudyError, match='"sparsity" of the table weights'):
            read(path)


def test_every_column_has_a_heading_and_a_format_that_there_is():
    for name, (head, format) in [*COLUMNS.items(), *IN_TABLE.items()]:
        assert head.strip(), name
        assert format in (*TEXTS, *FORMATS, "amount", "plus_minus", "difference", "value"), name


def test_every_column_that_the_page_shows_is_described():
    for table in PAGE:
        assert columns.columns(table, columns.on_page(table))
    with pytest.raises(StudyError, match="the table unheard-of"):
        columns.on_page("unheard-of")


def test_what_a_table_says_of_a_column_is_no_other_tables_business():
    assert column("engines", "title").head == "Net"
    assert column("part_a", "title").head == "Model"
    assert column("bn_depth_quantities", "largest").head == "Largest seed"
    assert column("comparisons-test_loss", "p_holm").head == "p"
    assert column("comparisons", "p_holm").head == "p, corrected"


# ------------------------------------------------------------------------------------- reading
def test_names_that_look_like_numbers_stay_names(tmp_path: Path):
    path = write(tmp_path / "x.csv", "model,title,value", "1e5,007,1e-5", "NA,1.0,")
    assert columns.read_rows(path) == [
        {"model": "1e5", "title": "007", "value": 1e-5},
        {"model": "NA", "title": "1.0", "value": None},
    ]
    table = columns.read(path)
    assert list(table["model"]) == ["1e5", "NA"]
    assert list(table["title"]) == ["007", "1.0"]
    assert table["value"].isna().tolist() == [False, True]


def test_values_of_a_sweep_may_be_numbers_or_words(tmp_path: Path):
    for values in ([0.1, 0.01], ["relu", "sigmoid"], ["none", "300-100"]):
        path = write(tmp_path / "sweep_x.csv", "value", *map(str, values))
        assert list(columns.read(path)["value"]) == values


def test_a_name_may_be_text_in_one_table_and_a_number_in_another(tmp_path: Path):
    units = columns.read(write(tmp_path / "bn_gamma-beta.csv", "unit,value", "7,0.5"))["unit"]
    assert units.tolist() == [7]
    [row] = columns.read_rows(write(tmp_path / "claims.csv", "unit", "7"))
    assert row == {"unit": "7"}


def test_whole_numbers_stay_whole_and_what_is_not_finite_is_no_value(tmp_path: Path):
    path = write(tmp_path / "x.csv", "seeds,value", "3,inf", "12,1.0")
    assert columns.read_rows(path) == [{"seeds": 3, "value": None}, {"seeds": 12, "value": 1.0}]


# ------------------------------------------------------------------------------------- writing
@pytest.mark.parametrize(
    ("table", "key", "row", "text"),
    [
        ("part_a", "test_accuracy", {"test_accuracy": 0.89065}, "89.07"),
        ("part_a", "gap_loss", {"gap_loss": 0.0312}, "+0.031"),
        ("x", "metric", {"metric": "test_accuracy"}, "test accuracy"),
        ("x", "difference", {"unit": "points", "difference": 0.0124}, "+1.24"),
        ("x", "difference", {"unit": "factor", "difference": 0.5}, "× 3.16"),
        ("ledger", "tolerance", {"unit": "percent", "tolerance": 0.756}, "±0.76"),
        ("ledger", "tolerance", {"unit": "percent", "tolerance": None}, MISSING),
        (
            "claims",
            "printed_value",
            {"unit": "nats", "printed_unit": "%", "printed_value": 0.5},
            "50.00",
        ),
        ("comparisons", "first_value", {"metric": "test_accuracy", "first_value": 0.8}, "80.00"),
        (
            "comparisons",
            "first_value",
            {"metric": "test_gap_accuracy", "first_value": 0.02},
            "+2.00",
        ),
        ("comparisons", "resolution", {"metric": "test_gap_loss", "resolution": 0.02}, "0.020"),
    ],
)
def test_a_value_is_written_in_the_format_of_its_column_and_the_unit_of_its_row(
    table: str, key: str, row: dict, text: str
):
    assert column(table, key).write(row) == text


@pytest.mark.parametrize(
    ("key", "row", "text"),
    [
        ("test_loss", {}, DIVERGED),
        ("p", {}, MISSING),
        ("validation_loss", {"engine": "lowlevel", "seeds": 2, "diverged": 2}, MISSING),
        ("validation_loss", {"engine": "keras", "seeds": 2, "diverged": 2}, DIVERGED),
        ("validation_loss", {"engine": "keras", "seeds": 2, "diverged": 1}, MISSING),
        (
            "validation_loss",
            {"engine": "keras", "seeds": 1, "diverged": 1, "validation_split": 0},
            MISSING,
        ),
    ],
)
def test_a_missing_value_says_whether_trainings_diverged(key: str, row: dict, text: str):
    assert column("part_b", key).write({key: None} | row) == text


def test_range_interval_and_note_stand_beneath_a_value():
    row = {"ece": 0.03, "ece_min": 0.02, "ece_max": 0.04, "seeds": 3, "diverged": 1}
    row |= {"ece_corrected": 0.025, "ece_low": 0.01, "ece_high": 0.05, "ece_note": "a note"}
    assert column("calibration", "ece").beneath(row) == ["2.00 to 4.00", "a note"]
    assert column("calibration", "ece_corrected").beneath(row) == ["1.00 to 5.00"]
    assert column("calibration", "ece").beneath(row | {"diverged": 2}) == ["a note"]


def test_an_interval_is_shown_once_with_the_column_that_it_is_of():
    keys = ["seeds", "reproduced", "reproduced_min", "reproduced_max", "low", "high", "difference"]
    row = {"unit": "percent", "reproduced": 80.0, "low": 79.0, "high": 81.0, "difference": 1.0}
    found = {it.key: it.interval(row) for it in columns.shown("ledger", keys)}
    assert found == {"seeds": None, "reproduced": "79.00 to 81.00", "difference": None}
    alone = columns.shown("intervals", ["value", "low", "high", "seeds_low", "seeds_high"])
    assert [it.key for it in alone] == ["value", "low", "seeds_low"]
    assert alone[2].write({"metric": "test_loss", "seeds_low": 0.4, "seeds_high": 0.5}) == (
        "0.400 to 0.500"
    )


def test_headings_that_depend_on_the_study_are_given():
    [value, seeds] = columns.columns("sweep_width", ["value", "seeds"], {"value": "Width"})
    assert (value.head, seeds.head) == ("Width", "Seeds")
