"""The report: everything in one file, numbers from results, nothing from outside, no surprises.

Inputs are made up from the real configuration: small figures, and tables whose values follow
from the model's place in the study.
"""

import base64
import copy
import csv
import hashlib
import html
import html.parser
import io
import itertools
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from fixtures import REPOSITORY
from fixtures.report import (
    EXPECTED,
    OWN_GROUPS,
    TEMPLATES,
    Page,
    configured,
    digits,
    fabricate,
    figure_names,
    letters,
    own_study,
    rendered,
    summary,
    write_csv,
)
from fontTools.ttLib import TTFont
from markupsafe import Markup

from fmstudy.analysis import formats, verdicts
from fmstudy.analysis.tables import METRICS
from fmstudy.report import rendering
from fmstudy.runtime import StudyError, write_json
from fmstudy.study import plan
from fmstudy.study.experiments import EXPERIMENTS

STUDY, _ = plan.build(configured())
PLAYGROUND = Path(STUDY.playground.file).name  # beside the page


# ------------------------------------------------------------------------------------ rendering
# To render the page takes a second.  So changes whose sentences stand in different places share a
# page: a test's change of a table is the function with `@edit` above it.
Row = dict[str, str]
Change = Callable[[Row], Row | None]
EDITS: dict[str, list[tuple[str, Change]]] = {"edited": [], "otherwise": []}


def edit(table: str, page: str = "edited") -> Callable[[Change], Change]:
    """Let a function change each row of a table, for the page `edited` or `edited_otherwise`."""

    def register(change: Change) -> Change:
        EDITS[page].append((table, change))
        return change

    return register


def change(arguments: dict, table: str, rows: Change) -> None:
    """Change every row of a table of a made-up study."""
    [path] = [path for path in arguments["tables"] if path.stem == table]
    with path.open(encoding="utf-8") as file:
        old = list(csv.DictReader(file))
    write_csv(path, [row | (rows(row) or {}) for row in old])


def shown(arguments: dict) -> Page:
    return Page(rendering.render(TEMPLATES, rendering.load_context(**arguments)))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The made-up study, which stays as it is."""
    return fabricate(tmp_path_factory.mktemp("study"), configured())


def copied(original: dict, directory: Path) -> dict:
    """A copy of the made-up study that a test may change."""
    source = original["summary"].parent
    shutil.copytree(source, directory, dirs_exist_ok=True)

    def moved(path: Path) -> Path:
        return directory / path.relative_to(source)

    places = {name: moved(original[name]) for name in ("summary", "explorer")}
    places |= {name: [moved(it) for it in original[name]] for name in ("tables", "figures")}
    return copy.deepcopy(original) | places


@pytest.fixture
def arguments(original: dict, tmp_path: Path) -> dict:
    return copied(original, tmp_path / "study")


@pytest.fixture(scope="module")
def page(original: dict) -> Page:
    return shown(original)


def page_after(edits: str, arguments: dict) -> Page:
    for table, rows in EDITS[edits]:
        change(arguments, table, rows)
    return shown(arguments)


@pytest.fixture(scope="module")
def edited(original: dict, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page after many results have changed, each of which is told in its own place."""
    arguments = copied(original, tmp_path_factory.mktemp("edited"))
    count_validation(arguments, [1200] * 10)
    return page_after("edited", arguments)


@pytest.fixture(scope="module")
def edited_otherwise(original: dict, tmp_path_factory: pytest.TempPathFactory) -> Page:
    arguments = copied(original, tmp_path_factory.mktemp("otherwise"))
    count_validation(arguments, [600, *[1200] * 9])
    return page_after("otherwise", arguments)


def count_validation(arguments: dict, counts: list[int]) -> None:
    """Let the validation part have so many images of each class."""
    data = summary()
    data["validation"]["class_counts"] = counts
    write_json(arguments["summary"], data)


@pytest.fixture(scope="module")
def reconfigured(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """A study on a GPU that plans less, and in which models stand for others of the source."""
    config = configured() | {"device": "gpu"}
    del config["comparisons"]["depth"]
    config["models"]["B"]["epochs"] = 300
    config["closer"]["models"] = ["A"]
    for name in ("depth", "gamma-beta"):
        del config["batchnorm"]["experiments"][name]
    for name, model in (
        ("mlp-300-100", "A"),
        ("keras-3 (2 ReLU layers)", "keras-2"),
        ("keras-5 + dropout 0.3", "keras-4r"),
        ("softmax", "A"),
    ):
        config["published"]["models"][name]["redone_by"] = [model]
    page = rendered(tmp_path_factory.mktemp("reconfigured"), config)
    assert not page.mistakes
    return page


@pytest.fixture(scope="module")
def smaller(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    """The pages of studies of a part of either data, one with its own share for validation."""
    few_train, few_test = configured(), configured()
    few_train["data"]["train_samples"] = 6000
    few_test["data"]["test_samples"] = 2000
    few_test["defaults"]["keras"]["validation_split"] = 0.1
    configs = {"train": few_train, "test": few_test}
    return {it: rendered(tmp_path_factory.mktemp(it), config) for it, config in configs.items()}


@pytest.fixture(scope="module")
def one_seed(tmp_path_factory: pytest.TempPathFactory) -> Page:
    config = configured()
    config["seeds"] = config["batchnorm"]["seeds"] = [1]
    return rendered(tmp_path_factory.mktemp("seed"), config)


@pytest.fixture(scope="module")
def broken(original: dict, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of a study in which trainings diverged, and much has no value."""
    arguments = copied(original, tmp_path_factory.mktemp("broken"))
    for table, rows in BREAK.items():
        change(arguments, table, rows)
    for path in arguments["tables"]:
        if path.stem in ("agreement", "hardest", "cost", "bn_costs", "noise_costs"):
            path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n")
        elif path.stem in ("calibration", "duplicates") or path.stem.startswith("classes_"):
            change(arguments, path.stem, without_a_finished_training)
        elif path.stem.startswith("bn_") and path.stem.endswith("_quantities"):
            change(arguments, path.stem, without_a_value)
    return shown(arguments)


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of a study with more models, a sweep, and a comparison."""
    config = configured()
    config["models"]["mine"] = {"title": "Mine", "engine": "lowlevel", "hidden": [50]}
    config["models"]["other"] = {"title": "Other", "engine": "keras", "hidden": [50]}
    rates = {"title": "Rates", "model": "other", "vary": "learning_rate", "values": [0.001, 0.01]}
    config["sweeps"]["rates"] = rates
    grid = {"learning_rate": [0.001, 0.01], "hidden": [[], [9, 5]]}
    config["sweeps"]["grid"] = {"title": "Grid", "model": "other", "vary": [*grid], "values": grid}
    words = {"title": "Words", "model": "A", "vary": "activation", "values": ["relu", "sigmoid"]}
    config["sweeps"]["words"] = words
    config["comparisons"]["ours"] = {"title": "Ours", "models": ["A", "mine"]}
    return rendered(tmp_path_factory.mktemp("extended"), config)


# ------------------------------------------------------------------------------------ the page
def test_the_page_asks_nothing_of_the_outside_and_runs_nothing(page):
    for tag in ("iframe", "object", "embed", "img", "base", "form"):
        assert not page.all(tag), tag
    check_scripts(page)
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    assert "@import" not in page.source
    assert not re.search(r"url\((?!#|\"data:)", page.source)
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert not attributes.get("src")
    for link in page.all("a"):
        assert link["href"].startswith(
            ("#", "https://arxiv.org/abs/", "data:application/", PLAYGROUND)
        )


def check_scripts(page) -> None:
    """Check that the page has three scripts, whose hashes its security policy allows."""
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    allowed = re.findall(r"'sha256-([^']+)'", re.search("script-src ([^;]*)", policy)[1])
    scripts = re.findall(r"<script>(.*?)</script>", page.source, re.S)
    assert len(scripts) == page.source.lower().count("<script")
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert hashes == allowed
    assert len(scripts) == 3


def test_the_page_is_well_formed_and_its_links_lead_somewhere(page):
    assert not page.mistakes
    assert len(page.ids) == len(set(page.ids))
    for _, attributes in page.elements:
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in page.ids
        for key in ("aria-labelledby", "aria-describedby"):
            assert set(attributes.get(key, "").split()) <= set(page.ids)


def test_headings_step_down_one_level_at_a_time(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_the_page_has_a_language_landmarks_and_a_skip_link(page):
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("main")) == len(page.all("nav")) == len(page.all("header")) == 1
    assert page.all("a")[0] == {"class": "skip", "href": "#content"}


def test_every_figure_stands_in_the_page_once_with_title_and_caption(page):
    names = figure_names(STUDY)
    thumbnails = [name for name in names if name.startswith("lesson_")]
    assert page.source.count('<div class="thumbnail">') == len(thumbnails)
    for name in set(names) - set(thumbnails):
        assert page.ids.count(f"fig-{name}") == 1, name
    for figure_ in page.inside["figure"]:
        tags = [tag for tag, _ in figure_]
        assert tags.count("svg") == tags.count("figcaption") == 1
        [picture] = [attributes for _, attributes in figure_ if attributes.get("role") == "img"]
        assert picture["aria-label"]


def test_every_table_has_a_caption_and_scopes(page):
    assert len(page.inside["table"]) > 10
    for table in page.inside["table"]:
        tags = [tag for tag, _ in table]
        assert tags.count("caption") == 1
        assert {"thead", "tbody"} <= set(tags)
        assert all(
            attributes.get("scope") in ("col", "row") for tag, attributes in table if tag == "th"
        )
        if tags.count("tr") > 1:  # else a script fills it
            assert "row" in {attributes.get("scope") for tag, attributes in table if tag == "th"}


# The source's figures, as this study shows them: single models, comparisons, sweeps, pictures.
SOURCE_FIGURES = [
    *("curves_softmax", "epochs", "curves_A", "sweep_width", "curves_B", "depth"),
    *("penalties_curves", "compare_keras-depth", "compare_keras-2-vs-5"),
    *("curves_keras-4r", "compare_keras-4-vs-4r", "curves_keras-5r", "compare_keras-5-vs-5r"),
    *("bn_shift-inputs", "bn_network", "bn_curves"),
]
SOURCE_TABLES = [f"metrics-{it}" for it in ("softmax", "one_layer", "two_layers", "l1", "l2")]


def chapters_of(source: str) -> Page:
    """What stands in front of the appendix, and is not folded."""
    start = source.index('<section class="chapter"')
    chapters = source[start : source.index('<h2 class="appendix-title"')]
    return Page(re.sub("<details.*?</details>", "", chapters, flags=re.DOTALL))


@pytest.fixture(scope="module", params=["page", "paper"])
def chapters(request: pytest.FixtureRequest, original: dict, page: Page) -> Page:
    """The chapters of the page and of the PDF, whose formulas do not matter."""
    if request.param == "page":
        return chapters_of(page.source)
    context = rendering.load_context(**original)
    return chapters_of(rendering.render_paper(TEMPLATES, context, rendering.math_markup))


def test_every_figure_and_table_of_the_source_stands_in_a_chapter(chapters):
    wanted = [f"fig-{it}" for it in SOURCE_FIGURES] + [f"tab-{it}" for it in SOURCE_TABLES]
    assert [it for it in wanted if it not in chapters.ids] == []


def test_chapters_have_few_tables_and_short_captions(chapters):
    assert 6 <= len(chapters.inside["table"]) <= 12
    captions = re.findall(r"<(figcaption|caption)\b.*?>(.*?)</\1>", chapters.source, re.DOTALL)
    assert len(captions) > 30
    for _, caption in captions:
        plain = re.sub(r'<a class="data".*?</a>', "", caption, flags=re.DOTALL)
        plain = re.sub("<math.*?</math>", "formula", plain, flags=re.DOTALL)
        words = re.sub("<[^>]*>", " ", plain).split()
        assert len(words) <= 40, " ".join(words)


def test_figures_tables_and_sections_are_numbered_in_order(page):
    for kind in ("Figure", "Table"):
        numbers = re.findall(rf"<b>{kind} (\d+)\.", page.source)
        assert numbers == [str(i + 1) for i in range(len(numbers))]
    assert "Figure 0" not in page.source
    assert "section 0" not in page.source


def test_the_math_font_of_the_page_has_every_character_of_its_formulas(page):
    [packed] = re.findall(r'"Report Math".*?base64,([^"]+)"', page.source)
    font = set(map(chr, TTFont(io.BytesIO(base64.b64decode(packed))).getBestCmap()))
    formulas = re.findall(r"<math.*?</math>", page.source, re.DOTALL)
    roots = [formula for formula in formulas if "<msqrt>" in formula]
    assert len(formulas) > 20 and roots and "√" in font
    for formula in formulas:
        written = set("".join(Page(formula).texts).replace("-", "−"))
        assert written - font == set(), formula


def test_a_thin_space_separates_the_name_of_a_function_from_its_neighbors():
    def spaces(latex: str) -> int:
        return rendering.math_markup(latex).count("<mspace")

    assert spaces(r"\log p_i") == spaces(r"\log \sum_j z_j") == spaces(r"y \log(p)") == 1
    assert spaces(r"y_i \log p_i") == 2
    assert spaces(r"1 + \log(x) + ab") == 0


def test_the_settings_of_every_model_stand_in_the_page(page):
    for name in ("settings", "settings-training"):
        table = page.source.partition(f'id="tab-{name}"')[2].partition("</table>")[0]
        titles = re.findall(r'<th scope="row">\s*(.*?)\s*</th>', table, re.DOTALL)
        assert list(map(html.unescape, titles)) == [it.title for it in STUDY.models.values()]
    assert ">Glorot uniform<" in re.sub(r"\s", "", page.source).replace("Glorotu", "Glorot u")
    assert "Momentum, SGD" not in page.text  # no model of the study uses SGD


def test_the_box_on_reuse_cites_the_study_and_offers_its_configuration(page):
    box = page.source.partition('id="reuse"')[2]
    assert 'download="study.tar.xz" href="data:application/x-xz;base64,' in box
    assert "make report" in box and "writes report/final.html" in box
    assert "@software{" in box and "MIT license" in box


def test_only_a_study_on_processors_promises_the_last_digit(page, reconfigured):
    for words in ("to the last digit", "on a CPU; no GPU is needed"):
        assert words in page.text
        assert words not in reconfigured.text
    assert "a training repeats bit for bit" in page.text
    assert "is expected to repeat bit for bit" in reconfigured.text
    assert "make gpu\nmake report" in reconfigured.source
    assert "GPU" not in page.text.replace("no GPU is needed", "")


def test_nothing_is_left_unfilled(page):
    written = Page(re.sub("<pre>.*?</pre>", "", page.source, flags=re.S))  # without BibTeX
    assert not re.search(r"\b(nan|None|Undefined|inf)\b|\{\{|\{%|\}\}", " ".join(written.texts))
    assert "\\" not in page.text  # LaTeX that was not converted
    assert len(page.all("math")) > 15
    assert not re.findall(r"[a-z%)][.;:][A-Z][a-z]+ ", page.text), "sentences are apart"
    assert not re.findall(r" [.,;:](?: |$)", page.text)


def test_every_published_number_is_listed_under_each_reading(page):
    text = page.source[page.source.index('id="tab-ledger"') :].split("</table>")[0]
    assert text.count("<tr") == 1 + 35 + 8
    assert text.count('<tr id="number-') == 35


def test_works_referred_to_are_listed_and_all_of_them_are_referred_to(page):
    listed = {name for name in page.ids if name.startswith("ref-")}
    cited = {link["href"][1:] for link in page.all("a") if link["href"].startswith("#ref-")}
    assert cited == listed


def test_two_renderings_have_the_same_bytes(arguments, page):
    assert shown(arguments).source == page.source


# --------------------------------------------------------------------- results into sentences
@edit("epochs")
def late_epochs_gain_little(row):
    last = str(STUDY.epochs.at[-1])
    return {"test_accuracy": "0.7961"} if row["epochs"] == last else None


def plain(page: Page) -> str:
    return page.text.replace(formats.THIN, " ")


def test_a_changed_result_changes_the_sentence(page, edited):
    assert "from 79.5 % after 200 epochs to 84.0 % after 2,000, while" in plain(page)
    assert "Softmax is far from done after 200 epochs" in page.text
    assert "from 79.5 % after 200 epochs to 79.6 % after 2,000, while" in plain(edited)
    assert "Softmax is far from done" not in edited.text
    assert "Softmax gains little after 200 epochs" in edited.text


def test_the_published_gaps_are_computed(page):
    assert "2.10 points without penalty, 2.03 with “L1”, and 2.17 with L2" in page.text


@edit("comparisons")
def blur(row):
    if (row["first"], row["second"]) == ("softmax", "A"):
        return {"verdict": "not resolved", "difference": "0.003", "p_holm": "0.4"}
    return None


def test_what_is_said_of_two_models_is_the_verdict_of_their_comparison(page, edited):
    better = "A (300) is 0.50 points more accurate on the test set than Softmax (95 % interval"
    unresolved = "whether A (300) or Softmax is more accurate on the test set (+0.30 points;"
    corrected = "+0.10 to +0.90, but not resolved after Holm’s correction)"
    assert better in plain(page)
    assert corrected not in plain(page)
    assert better not in plain(edited)
    assert f"{unresolved} 95 % interval {corrected}" in plain(edited)


def test_of_a_pair_that_nobody_planned_nothing_is_said(page, reconfigured):
    told = "We did not compare A (300) with Softmax."
    assert told in reconfigured.text
    assert told not in page.text


def metric_rows(page: Page, key: str) -> list[str]:
    """The rows of a table of the source's numbers beside ours, as text."""
    start = page.source.index(f'id="tab-metrics-{key}"')
    body = page.source[start : page.source.index("</table>", start)].split("<tbody>")[1]
    rows = body.replace("</t", " </t").split("<tr>")[1:]
    return [" ".join(Page(row).text.split()) for row in rows]


def test_the_sources_numbers_stand_beside_ours_with_a_verdict(page, edited):
    training, test = metric_rows(page, "softmax")
    assert training.startswith("Training 80.94 82.00 81.00 to 83.00")
    assert test.startswith("Test 79.89 80.00 79.00 to 81.00 ✓ reproduced 0.612 0.560")
    assert "✓ reproduced" in metric_rows(edited, "softmax")[0]
    assert "✓" not in metric_rows(edited, "softmax")[1]


def test_both_readings_of_a_penalty_stand_in_its_table(page):
    rows = metric_rows(page, "l1")
    titles = ("Training B with signed L1", "Test B with signed L1", "Training B with L1 8")
    assert len(rows) == 4
    assert all(row.startswith(title) for row, title in zip(rows, titles, strict=False))


def test_a_model_of_part_b_has_one_row_although_the_source_prints_its_accuracy_twice(page):
    rows = metric_rows(page, "part_b")
    assert len(rows) == 7
    assert [row for row in rows if row.startswith("Keras 2 (1 hidden) 91.25")]


@edit("ledger")
def reproduce_one(row):
    met = row["protocol"] == "alternative" or row["id"] == "a1-train-acc"
    return {"verdict": "reproduced" if met else "not reproduced"}


def test_verdicts_are_counted_and_change_with_the_ledger(edited):
    assert "The ledger: 1 of 35 numbers reproduced" in edited.text
    assert "Verdicts: 1 reproduced, 0 within noise, 34 not reproduced" in edited.text
    assert "alternative reading of the source, which reproduces 8 of them" in edited.text
    assert "Part A: 1 of 20; Part B: 0 of 15" in edited.text
    assert "a tenth of the printed strength" in edited.text
    assert "chose that strength because it fits the printed numbers" in edited.text


@edit("claims")
def contradict(row):
    bad = row["claim"] == "longer-accuracy"
    return {"verdict": "contradicted" if bad else "supported"} if row["estimate"] else None


def test_every_claim_is_listed_under_its_topic_with_counts(page, edited):
    topic = "Softmax and longer training: "
    assert f"{topic}3 supported, 3 contradicted, 2 not resolved" in page.text
    assert f"{topic}7 supported, 1 contradicted, 0 not resolved" in edited.text
    text = (REPOSITORY / "config/claims.yaml").read_text(encoding="utf-8")
    for name in yaml.safe_load(text)["claims"]:
        assert page.ids.count(f"claim-{name}") == 1


def test_a_report_without_one_of_the_published_numbers_is_refused(arguments):
    [path] = [path for path in arguments["tables"] if path.stem == "ledger"]
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    write_csv(path, [row for row in rows if row["id"] != "a2-test-loss"])
    with pytest.raises(StudyError, match='a2-test-loss of "mlp-300"'):
        rendering.load_context(**arguments)


@edit("statistics")
def find_half(row):
    return {"found": "0.5"}


def test_how_well_the_statistics_keep_their_promise_is_told(page, edited):
    text = page.text.replace("\u202f", " ")
    assert "contain it in 94.8 % to 95.3 % of cases" in text
    assert "called better or worse in 3.5 % of comparisons" in text
    assert "at least one false call occurs in 2.0 %." in text
    assert "McNemar's test of two single runs, a common method, calls 74.0 % of them" in text
    assert "contain it in 50.0 % of cases" in edited.text.replace("\u202f", " ")


def test_a_verdict_is_never_told_by_color_alone(page):
    for word in ("supported", "contradicted", "not resolved", "reproduced", "better"):
        assert re.search(
            rf'class="verdict \w+"><span aria-hidden="true">.</span> {word}<', page.source
        )


def test_one_seed_compares_no_models(one_seed):
    assert one_seed.text.count("With one seed per model, our runs cannot compare") == 5
    assert "With one seed each, A (300) and Softmax cannot be compared." in one_seed.text
    assert "Our runs cannot tell whether" not in one_seed.text


def test_one_seed_is_said_to_be_too_few(one_seed):
    assert "? not resolved (too few seeds)" in one_seed.text
    assert "▲" not in one_seed.text
    assert "This study decides none of the predictions" in one_seed.text
    assert "came out as expected" not in one_seed.text
    assert "✓" not in part_c(one_seed, "tab-bn-predictions", "</table>").text
    assert not re.search(r"(?<![.\d])(?<!- )1 seeds\b", one_seed.text)


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_part_of_the_data_is_not_compared_and_no_evidence_on_where_numbers_come_from(
    page, smaller, part
):
    small = smaller[part]
    assert "consistent with another data set" in page.text
    assert "consistent with another data set" not in small.text
    assert "cannot be compared with published ones" not in page.text
    assert "cannot be compared with published ones" in small.text
    for text in (page.text, small.text):
        assert "so it is a hint, not evidence" in text


def test_the_validation_part_is_described_where_it_is_the_studys(page, smaller):
    counts = "nearly but not exactly balanced: 1,198 to 1,202 images per class"
    assert counts in page.text
    for share, other in zip(("20 %", "10 %"), smaller.values(), strict=True):
        assert counts not in other.text
        assert f"hold out the last {share} of the training images that we use" in plain(other)


def test_what_is_said_of_balance_follows_from_the_counts(edited, edited_otherwise):
    assert "is balanced, with 1,200 images per class" in edited.text
    assert "is not balanced: 600 to 1,200" in edited_otherwise.text


@edit("runs")
def train_one_with_another_version(row):
    first = (row["run"], row["seed"]) == tuple(map(str, STUDY.trainings[0]))
    return {"tensorflow": "2.19.1"} if first else None


def test_the_software_of_the_trainings_is_counted(edited):
    table = edited.source[edited.source.index('id="tab-training-software"') :].split("</table>")[0]
    assert table.count("<tr>") == 1 + 3
    assert table.count("2.19.1") == 1


@edit("engines")
def deviate(row):
    deviations = {"lowlevel": "0.0018", "keras": ""}
    wrong = {"gradient": deviations[row["engine"]], "kept": "no"}
    return wrong if row["title"] == "Softmax" else None


def test_whether_three_engines_have_one_gradient_follows_from_the_table(page, edited):
    assert "of three engines are equal to 1e−5 of a tensor's largest gradient" in page.text
    assert "Of 3 comparisons with NumPy in double precision, the largest deviation" in page.text
    assert "is 3.0e−7 (300 ReLU, L2, lowlevel)" in page.text
    assert "of three engines are not equal" not in page.text
    assert "of three engines are not equal: 2 of 3 comparisons" in edited.text
    assert "Softmax, lowlevel: 1.8e−3." in edited.text
    assert "Softmax, keras: not a finite number." in edited.text
    assert "of three engines are equal" not in edited.text


def test_an_engine_has_its_deviations_and_the_images_left_out(page):
    table = page.source[page.source.index('id="tab-engines"') :].split("</table>")[0]
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", table.split("<tbody>")[1], re.DOTALL)
    texts = [" ".join(re.sub("<[^>]*>", " ", cell).split()) for cell in cells]
    assert texts[16:] == [
        *("300 ReLU, L2", "lowlevel", "998 2 left out", "3.0e−7", "yes"),
        *("3.4e−6", "2.8e−3", "2.8e−4"),
    ]


@edit("weights")
def shrink(row, norm="1.5"):
    return {"norm": norm} if row["model"] == "B-L2-strong" else None


@edit("weights", "otherwise")
def grow(row):
    return shrink(row, "99.0")


def test_the_direction_of_a_strong_penalty_follows_from_the_norms(edited, edited_otherwise):
    for page, norm in ((edited, "1.50"), (edited_otherwise, "99.00")):
        assert f"their norm is {norm} instead of 27.10" in page.text
        assert ("but L2 shrinks them" in page.text) == (norm == "1.50")


def test_equal_epochs_are_said_only_where_they_are_so(page, reconfigured):
    assert "All of these models stop after 200 epochs." in page.text
    assert "All of these models stop after" not in reconfigured.text


def test_a_model_may_redo_several_of_the_sources(reconfigured):
    for name in ("A", "keras-2", "keras-4r"):
        assert reconfigured.ids.count(f"fig-curves_{name}") == 1


def lose(row):
    """What is left of a model whose four trainings diverged, in the table of its part."""
    if row["model"] != "keras-5":
        return None
    return dict.fromkeys((key for key in row if key.startswith(tuple(METRICS))), "") | {
        "seeds": "4",
        "diverged": "4",
    }


def lose_from_ledger(row):
    lost = dict.fromkeys((key for key in row if key.startswith(("reproduced", "difference"))), "")
    return lost | {"seeds": "0"} if row["model"] == "keras-5" else None


def lose_from_comparisons(row):
    gone = ("difference", "low", "high", "p", "p_holm", "resolution")
    side = "first_value" if row["first"] == "keras-5" else "second_value"
    lost = dict.fromkeys((*gone, side), "") | {"verdict": verdicts.NO_VALUE}
    return lost if "keras-5" in (row["first"], row["second"]) else None


BREAK = {"part_b": lose, "ledger": lose_from_ledger, "comparisons": lose_from_comparisons}


def test_a_model_that_diverged_is_shown_and_breaks_nothing(broken):
    assert "no value" in broken.text
    results = broken.source[broken.source.index('id="tab-models"') :].split("</table>")[0]
    lost = next(row for row in results.split("<tr>") if "Keras 5 (4 hidden)" in row)
    assert lost.count("diverged") == 8  # every metric of the table
    softmax = next(row for row in results.split("<tr>") if ">Softmax" in row)
    assert softmax.count(formats.MISSING) == 2  # no validation part
    assert not re.search(r"\b(nan|None|inf)\b", broken.text)
    assert not broken.mistakes


# ------------------------------------------------------------------------------ looking closer
@edit("classes_B")
def recognize_the_first(row):
    return {"f1": "0.95"} if row["label"] == "0" else None


@edit("duplicates")
def gain_nothing_by_duplicates(row):
    return {"only": "0.85"} if row["model"] == next(iter(STUDY.models)) else None


@edit("calibration")
def be_as_sure_as_right(row):
    exact = {"gap": "0", "gap_low": "-0.01", "gap_high": "0.01"}
    return exact if row["model"] == next(iter(STUDY.models)) else None


def test_the_closer_look_follows_its_tables(page, edited):
    def closer(page: Page) -> str:
        start = page.text.index("Mistakes and confidence Which test images")
        end = page.text.index("How sure are these numbers? Intervals", start)
        return page.text[start:end].replace("\u202f", " ")

    before, after = closer(page), closer(edited)
    assert "B (300-100): lowest for T-shirt/top" in before
    assert "Mean confidence is above accuracy in 13 of 17 models and below it in 3; in 1" in before
    assert "in 1, the 95 % interval of the difference contains 0" in before
    assert "Without the near-duplicates, test accuracies change by −0.20 points" in before
    assert "17 of 17 models are more accurate" in before
    assert "the label “Shirt” predicted as “Coat” (2 of 2)" in before
    assert "B (300-100): lowest for Trouser" in after
    assert "16 of 17 models are more accurate" in after
    assert "above accuracy in 13 of 17 models and below it in 2" in after


def without_a_finished_training(row):
    kept = ("model", "title", "engine", "run", "seeds", "class", "label", "support")
    lost = [key for key in row if key not in kept and "images" not in key]
    return dict.fromkeys(lost, "") | {"diverged": row["seeds"]}


def test_a_closer_look_without_any_finished_training_breaks_nothing(page, broken):
    assert "3 of 3 diverged" in broken.text
    for words in ("The hardest class is", "misclassifies", "When a calibrated model gives"):
        assert words in page.text
        assert words not in broken.text


def test_a_model_without_hidden_layers_is_pictured_only_if_it_is_looked_at(page, reconfigured):
    assert "sec-templates" in page.ids
    assert "sec-templates" not in reconfigured.ids
    assert "fig-confusion_A" in reconfigured.ids


# -------------------------------------------------------------------------- batch normalization
def part_c(page: Page, start: str, end: str = "</section>") -> Page:
    """What the page holds from one anchor of Part C to another text."""
    place = page.source.index(f'id="{start}"')
    first = page.source.rindex("<", 0, place)
    return Page(page.source[first : page.source.index(end, place)])


def experiment_text(page: Page, name: str) -> Page:
    """The section that an experiment has in Part C."""
    source = part_c(page, f"sec-bn-{name}").source
    return Page(re.split(r"(?<!^)<h[23]", source)[0])


WORDS = ["supported"] * 7 + ["contradicted"] * 5 + ["supported in part"] * 3
WORDS += ["not resolved", "not tested", "literature only"]


@edit("bn_claims")
def judge(row):
    return {"verdict": WORDS[list(EXPECTED.claims).index(row["claim"])]}


@edit("bn_claims", "otherwise")
def support_in_part(row):
    return {"verdict": "supported in part"}


def test_the_headline_on_batch_normalization_follows_from_the_verdicts(edited, edited_otherwise):
    assert len(EXPECTED.claims) == len(WORDS)
    says = "In our small networks, batch normalization allows larger learning rates"
    assert says in edited.text
    assert says not in edited_otherwise.text
    assert "support 0, contradict 0, and support 18 in part." in edited_otherwise.text


def test_every_claim_on_batch_normalization_leads_to_its_hypotheses(page):
    table = page.source[page.source.index('id="tab-bn-claims"') :].split("</table>")[0]
    for name, claim in EXPECTED.claims.items():
        assert f'id="said-{name}"' in table
        row = table[table.index(f'id="said-{name}"') :].split("</tr>")[0]
        mine = [key for key, it in EXPECTED.predictions.items() if it.get("claim") == name]
        aside = claim.get("set_aside", {})
        voting = [key for key in mine if key not in aside]
        assert re.findall(r'href="#prediction-([^"]+)"', row) == [*voting, *aside]
        assert all(reason in html.unescape(row) for reason in aside.values())
        assert re.findall(r'href="#ref-([^"]+)"', row) == claim["literature"]
    for name in EXPECTED.predictions:
        assert page.ids.count(f"prediction-{name}") == 1


def test_claims_of_the_source_that_part_c_tests_lead_there(edited_otherwise):
    page = edited_otherwise
    row = page.source[page.source.index('<tr id="claim-bn-learning-rate"') :].split("</tr>")[0]
    assert 'href="#said-C4"' in row
    assert "C4 is supported in part." in Page(row).text


FAILED = {"rate-range-relu": "contradicted", "drift-relu": "not resolved"}


@edit("bn_predictions")
def fail(row, failed=FAILED):
    if row["outcome"] == "open":
        return None
    lost = failed.get(row["prediction"])
    outcome = "not as expected" if lost else "as expected"
    return {"verdict": lost or row["expect"], "outcome": outcome}


@edit("bn_predictions", "otherwise")
def come_true(row):
    return fail(row, {})


def test_predictions_that_failed_are_counted_and_listed(edited, edited_otherwise):
    told = sum(
        it["experiment"] not in ("placement-keras", "dropout") and not it.get("seen")
        for it in EXPECTED.predictions.values()
    )
    assert f"{told - 2} of {told} predictions came out as expected." in edited.text
    listed = part_c(edited, "sec-bn-predictions", "</ul>")
    assert "The 2 predictions that failed" in listed.text
    assert [link["href"] for link in listed.all("a")] == [
        *("#prediction-rate-range-relu", "#prediction-drift-relu"),
    ]
    assert (
        "With it, the ReLU net's range of usable SGD rates is wider. Expected: supported; it is "
        "contradicted (+0.01 decades)."
    ) in listed.text
    row = edited.source[edited.source.index('<tr id="prediction-drift-relu"') :].split("</tr>")[0]
    assert "not as expected" in row
    assert f"{told} of {told} predictions came out as expected." in edited_otherwise.text
    assert "predictions that failed" not in edited_otherwise.text


def test_predictions_whose_runs_had_been_seen_say_so(page):
    seen = re.findall(
        r'<tr id="prediction-([^"]+)"[^>]*>(?:(?!</tr>).)*results had been seen', page.source, re.S
    )
    assert seen == [name for name, it in EXPECTED.predictions.items() if it.get("seen")]
    assert f"commit {EXPECTED.recorded['commit']}, {EXPECTED.recorded['date']}" in page.text


def test_verdicts_on_claims_say_if_they_rest_on_what_was_written_afterwards(page):
    said = {
        name: re.search(rf'<tr id="said-{name}".*?</tr>', page.source, re.S)[0]
        for name in EXPECTED.claims
    }
    words = "on hypotheses written after we had seen results, tested on fresh seeds"
    assert all(f">based {words}" in said[name] for name in ("C1", "C14", "C17", "C18"))
    assert all(f"partly based {words}" in said[name] for name in ("C3", "C5", "C6", "C15"))
    assert not any(words in said[name] for name in ("C2", "C4", "C9", "C12"))


def test_an_experiment_that_was_changed_afterwards_says_why(page):
    for name, reason in EXPECTED.revised.items():
        title = EXPERIMENTS[name].title
        told = f"{title}: changed after we had seen results. {' '.join(reason.split())}"
        assert told in page.text


def test_each_experiment_that_is_run_answers_its_question_with_a_figure(page, reconfigured):
    for name in STUDY.batchnorm.settings:
        section = experiment_text(page, name)
        assert section.text.split(" ", 1)[1].split("?")[0].strip(), name
        assert f"fig-bn_{name}" in section.ids
        assert re.search(r"(Yes|No|In part|Not resolved)†?\.", section.text), name
    for name in ("depth", "gamma-beta"):
        assert f"sec-bn-{name}" not in reconfigured.ids
        assert f"fig-bn_{name}" not in reconfigured.ids


def test_predictions_of_experiments_that_are_not_run_wait(page, reconfigured):
    command = "snakemake --cores 2 report/full.html --configfile config/full.yaml"
    waiting = "does not run 2 experiments (Placement in Keras, Dropout), so their predictions wait"
    assert f"This study {waiting}; {command} runs all of them." in page.text
    assert "sec-bn-dropout" not in page.ids
    row = page.source[page.source.index('<tr id="prediction-dropout-with"') :].split("</tr>")[0]
    assert "not tested" in row
    assert "does not run 4 experiments" in reconfigured.text


def test_a_page_without_any_experiment_is_rendered(tmp_path):
    config = configured()
    config["batchnorm"]["experiments"] = {}
    page = rendered(tmp_path, config)
    assert "This study runs none of the experiments on batch normalization" in page.text
    assert f"does not run {len(EXPERIMENTS)} experiments" in page.text
    assert "sec-bn-experiments" not in page.ids
    assert not page.mistakes


def test_one_seed_answers_no_question(one_seed):
    for name in set(STUDY.batchnorm.settings) - {"curves"}:
        text = experiment_text(one_seed, name).text
        assert "Not resolved: one seed is too few for a verdict." in text, name
        assert "95 % interval" not in text, name


def without_a_value(row):
    return dict.fromkeys(("mean", "low", "high", "smallest", "largest"), "") | {"seeds": "0"}


def test_a_quantity_without_a_value_is_left_out(page, broken):
    assert "Training only" in page.text
    assert "Training only" not in broken.text


def test_a_study_without_records_of_costs_says_so(broken):
    assert "No job of this study has left a record of its cost." in broken.text


# ------------------------------------------------------------------------- what people configure
def test_added_models_sweeps_and_comparisons_appear(extended):
    figures = ("curves_mine", "curves_other", "sweep_rates", "compare_ours", "sweep_words_curves")
    for name in (*figures, "sweep_grid"):
        assert extended.ids.count(f"fig-{name}") == 1
    assert "fig-sweep_grid_curves" not in extended.ids


def test_the_table_of_a_grid_has_both_values_and_that_of_words_the_words(extended):
    grid, words = (first_cells(extended, f"tab-sweep_{name}") for name in ("grid", "words"))
    pairs = [[rate, hidden] for rate in ("0.001", "0.01") for hidden in ("none", "9-5")]
    assert grid == [["Learning rate", "Hidden layers"], *pairs]
    assert [row[0] for row in words] == ["Activation", "ReLU", "sigmoid"]


def first_cells(page: Page, table: str) -> list[list[str]]:
    """The first two cells of each row of a table."""
    rows = page.source.split(f'id="{table}"')[1].split("</table>")[0].split("<tr")[1:]
    texts = (
        [re.sub("<.*?>", "", cell) for cell in re.findall("<t[hd].*?</t[hd]>", row, re.S)]
        for row in rows
    )
    return [[text.strip() for text in row[:2]] for row in texts]


def test_a_study_without_the_sources_models_is_rendered(tmp_path):
    config = configured()
    config["models"] = {
        "mine": {"title": "Mine", "engine": "lowlevel", "hidden": [10]},
        "other": {"title": "Other", "engine": "keras", "hidden": []},
    }
    config["epochs"] = {"model": "mine", "at": [10, 20]}
    config["depth"] = {"models": ["mine"]}
    config["weights"] = {"models": ["mine"]}
    config["closer"] |= {"models": ["mine"], "leave_out": []}
    config["sweeps"], config["comparisons"] = {}, {}
    config["batchnorm"]["experiments"]["curves"] = {"arms": {"a/bn": "mine", "a/plain": "other"}}
    config["replicates"] = {"models": ["mine"], "seeds": [1, 2]}
    config["published"]["models"] = {}
    del config["noise"], config["playground"]
    page = rendered(tmp_path, config)
    assert page.ids.count("fig-curves_mine") == 1
    assert "fig-noise" not in page.ids
    assert not page.mistakes


def test_a_study_without_keras_has_no_part_b(tmp_path):
    config = configured()
    models = config["models"]
    for name in [name for name, model in models.items() if model["engine"] == "keras"]:
        del models[name]
    config["published"]["models"] = {
        name: it for name, it in config["published"]["models"].items() if "keras" not in name
    }
    config["comparisons"] = {
        name: it for name, it in config["comparisons"].items() if {*it["models"]} <= {*models}
    }
    config["closer"]["models"] = config["replicates"]["models"] = ["B"]
    del config["batchnorm"]["experiments"]["curves"], config["noise"], config["playground"]
    page = rendered(tmp_path, config)
    assert "sec-part-a" in page.ids
    assert "sec-part-b" not in page.ids
    assert not re.search("Keras models (?!to what)|of its Keras models|Where Part B", page.text)
    assert "leaves out Part B" in page.text


ONE_MODEL = {"title": "One", "engine": "keras", "hidden": [3]}
NORMALIZED = ONE_MODEL | {"title": "Two", "batch_norm": "before", "section": "batchnorm"}
# What a study of one's own says nothing of.
FOREIGN = re.compile(
    r"Fashion-MNIST|[Gg]arment|[Cc]loth|\b784\b|\b28 by|[Tt]he source|student|Part [ABC]\b"
)
# Apart from how to cite the software, and from addresses and the name in the made-up configuration.
APART = r"Cite\. The software.*?Reuse\.|https?:\S*|\S*/fashion-mnist\S*|name: Fashion-MNIST"
OWN = {
    "digits": (digits(), OWN_GROUPS),
    "letters": (letters(), OWN_GROUPS),
    "only models": (digits(), {}),
    "one model": (letters(), {"seeds": [1], "models": {"a": ONE_MODEL}}),
    "only Keras, batch norm": (digits(), {"models": {"a": ONE_MODEL, "b": NORMALIZED}}),
}


@pytest.mark.parametrize("case", OWN)
def test_a_study_of_ones_own_is_about_its_own_data_and_no_source(tmp_path, case):
    data, groups = OWN[case]
    given = fabricate(tmp_path, own_study(data, **groups), data)
    context = rendering.load_context(**given)
    page = Page(rendering.render(TEMPLATES, context))
    pages = [page]
    if groups is OWN_GROUPS:
        paper = rendering.render_paper(TEMPLATES, context, lambda *_: Markup(""))
        pages.append(Page(paper))
    for one in pages:
        described = [it.get("content", "") for it in one.all("meta")]
        assert not FOREIGN.findall(" ".join([re.sub(APART, "", one.text), *described]))
        assert not one.mistakes
    name, (rows_, columns_) = data["set"]["name"], data["shape"]
    assert (
        f"{rows_} by {columns_} pixels each: {data['train']['samples']:,} for training" in page.text
    )
    assert f"a column of {rows_ * columns_} numbers" in page.text
    assert f"on {name}" in page.text
    cited = {it for it in page.ids if it.startswith("ref-")}
    assert cited == {it["href"][1:] for it in page.all("a") if it["href"].startswith("#ref-")}
    assert ("ref-alpaydin1998" in cited) == (data["set"]["key"] == "digits")
    # What a sweep shows stands in the first chapter and with its figure.
    assert page.text.count("Units: test accuracy is highest with") == 2 * ("sweeps" in groups)
    assert page.text.count("Rates: validation accuracy is highest with") == 2 * ("sweeps" in groups)
    assert ("tab-compared" in page.ids) == (case != "one model")
    assert ("With one seed, our runs" in page.text) == (case == "one model")
    assert ("two models" in page.text) == (case != "one model")
    assert ("not planned" in page.text) == ("comparisons" in groups)
    assert "experiment" not in re.sub(r"src=\"data:.*?\"", "", page.text) or "noise" in groups


def test_models_may_be_renamed(tmp_path):
    config = configured()
    text = yaml.safe_dump(config, sort_keys=False)
    config = yaml.safe_load(re.sub(r"\bA\b(?=[,\]:\n])", "one-hidden", text))
    page = rendered(tmp_path, config)
    assert "fig-curves_one-hidden" in page.ids
    section = page.source.index('id="sec-one-layer"')
    assert page.source.index('id="fig-curves_one-hidden"') > section


# ------------------------------------------------------------------------------------ mistakes
def test_a_file_that_is_not_there_is_named(arguments):
    (arguments["summary"].parent / "figures/data.svg").unlink()
    with pytest.raises(StudyError, match=r"data\.svg"):
        rendering.load_context(**arguments)


def test_a_figure_without_its_values_is_named(arguments):
    (arguments["summary"].parent / "figures/data.csv").unlink()
    with pytest.raises(StudyError, match=r"figures/data\.csv: not found"):
        rendering.load_context(**arguments)


def test_a_model_without_results_is_named(arguments):
    arguments["study"]["models"][0]["name"] = "forgotten"
    with pytest.raises(StudyError, match="forgotten"):
        rendering.load_context(**arguments)


# ---------------------------------------------------------------------------- sources of noise
@edit("noise")
def let_rounding_grow_and_images_matter_most(row):
    if row["source"] == "rounding" and row["epoch"] == str(STUDY.noise.at[-1]):
        return {"loss_deviation": "0.6", "loss_deviation_low": "0.5"}
    return {"accuracy_deviation_low": "0.5"} if row["source"] == "training images" else None


def test_words_on_the_sources_of_noise_follow_their_deviations(page, edited):
    assert "the intervals of all single sources overlap" in page.text
    assert "the intervals of all single sources overlap" not in edited.text
    assert "changes the test loss by 0.60 nats" not in page.text
    assert "changes the test loss by 0.60 nats" in edited.text


# ------------------------------------------------------------------------------ provenance
@edit("cost")
def take_an_hour(row):
    return {"seconds": "3600"}


def test_the_cost_of_the_study_is_told_and_follows_the_records(page, edited):
    trainings = len(STUDY.trainings)
    experiments = len(STUDY.batchnorm.trained) * len(STUDY.batchnorm.seeds)
    experiments += len(STUDY.noise.seeds)
    start = f"{trainings} trainings and {experiments} runs of experiments took "
    assert start in page.text
    spent = trainings * 3600 + experiments * 12.5
    told = f"{start}{formats.seconds(spent)} of one core".replace(formats.THIN, " ")
    assert told not in page.text
    assert told in edited.text


def test_the_first_screen_tells_the_time_of_all_jobs(original, page):
    context = rendering.load_context(**original)
    whole = sum(job["core_seconds"] for job in context["provenance"]["jobs"])
    told = re.search(r"<dt>Computing time</dt><dd>([^<]*)<", page.source)
    assert told[1] == formats.seconds(whole)
