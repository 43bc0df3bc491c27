"""The playground: what the page computes with, how well it agrees, and the page as a file."""

import base64
import gzip
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from fixtures import playground as made
from fixtures.hostile import HOSTILE
from fixtures.nets import random_parameters
from fixtures.report import digits, letters, summary
from fixtures.runs import leave

from fmstudy.analysis import columns
from fmstudy.analysis.results import Runs
from fmstudy.predict.layers import Dense, dense_layers
from fmstudy.report import playground, playground_page
from fmstudy.runtime import StudyError


# ------------------------------------------------------------------------------------ rounding
def test_a_weight_is_at_most_half_a_step_away():
    coefficients = np.random.default_rng(0).normal(0, 1, (4, 50)).astype(np.float32)
    coefficients[2] = 0.0
    layer = Dense(coefficients, np.arange(4, dtype=np.float32))
    for bits in playground.BITS:
        small = playground.quantize(layer, bits)
        top = 2 ** (bits - 1) - 1
        assert small.levels.dtype == np.int8
        assert np.abs(small.levels[[0, 1, 3]]).max(axis=1).tolist() == [top] * 3
        away = np.abs(small.dense.coefficients - coefficients)
        assert (away <= 0.5001 * small.scale[:, np.newaxis]).all()
        assert (small.dense.coefficients[2] == 0).all()
        assert small.bias is layer.bias


def test_as_many_bits_as_fit_and_small_nets_leave_room_for_large_ones():
    def net(units: int) -> list[Dense]:
        random = np.random.default_rng(units)
        w = random.normal(0, 1, (units, 784)).astype(np.float32)
        return [Dense(w, np.zeros(units, np.float32))]

    nets = {"large": net(100), "small": net(1)}
    size = {
        bits: 4
        / 3
        * len(playground.compressed([playground.quantize(nets["large"][0], bits).levels]))
        for bits in playground.BITS
    }
    found = playground.quantize_nets(nets, most_bytes=size[6] + 4000)
    assert {name: bits for name, (bits, _) in found.items()} == {"small": 8, "large": 6}
    assert playground.quantize_nets(nets, most_bytes=10)["large"][0] == min(playground.BITS)


# -------------------------------------------------------------------------------------- packing
def test_images_are_the_first_of_each_class(tmp_path: Path):
    content = made.packed(tmp_path)
    assert content["places"].tolist() == [n + 10 * k for n in range(10) for k in range(3)]
    assert content["labels"].tolist() == [n for n in range(10) for _ in range(3)]
    expected = np.rint(255 * made.images()[:, content["places"]].T)
    assert (content["pixels"] == expected).all()


def test_a_model_is_its_first_finished_training(tmp_path: Path):
    given = [made.model("softmax", [], seeds=(1, 2)), made.model("lost", [])]
    made.train(tmp_path, given[0], 1, status="diverged")
    second = made.train(tmp_path, given[0], 2)
    made.train(tmp_path, given[1], 1, status="diverged")
    labels = np.arange(made.IMAGES) % 10
    content = playground.pack(given, Runs(tmp_path), made.images(), labels, summary())
    assert content["softmax/seed"] == 2
    [layer] = playground.unpack(content, "softmax")
    step = float(np.abs(second["coefficients0"]).max()) / 127
    assert layer.dense.coefficients == pytest.approx(second["coefficients0"], abs=step)
    assert playground.unpack(content, "lost") == []
    table = playground.agreement_table(given, content, Runs(tmp_path), made.images(), labels)
    assert table["model"].tolist() == ["softmax"]
    page = playground_page.load_context(
        "", "r.html", given, content, table.to_dict("records"), summary(), made.SAMPLES
    )
    assert page["diverged"] == ["Model lost"]


def test_agreement_is_that_of_the_rounded_weights_with_the_predictions(tmp_path: Path):
    """Counted image by image, with plain matrix products in float64 and probabilities given."""
    given = made.model("dense", [12, 8])
    arrays = made.train(tmp_path, given)
    x, labels = made.images(), np.arange(made.IMAGES) % 10
    content = playground.pack([given], Runs(tmp_path), x, labels, summary())
    h = x.astype(np.float64)
    for layer in range(3):
        w = arrays[f"coefficients{layer}"].astype(np.float64)
        step = np.abs(w).max(axis=1, keepdims=True) / 127
        h = np.round(w / step) * step @ h + arrays[f"bias{layer}"]
        h = np.maximum(h, 0) if layer < 2 else np.exp(h - h.max(axis=0))
    page = h / h.sum(axis=0)
    ours = Runs(tmp_path).predictions("run-dense", 1)
    same = [page[:, n].argmax() == ours[:, n].argmax() for n in range(made.IMAGES)]
    right = [page[:, n].argmax() == n % 10 for n in range(made.IMAGES)]
    assert sum(same) not in (0, made.IMAGES, sum(right)), "choose other weights"
    [row] = playground.agreement_table([given], content, Runs(tmp_path), x, labels).to_dict(
        "records"
    )
    assert row["agreement"] == sum(same) / made.IMAGES
    assert row["probability"] == pytest.approx(np.abs(page - ours).max(), abs=1e-5)
    assert row["test_accuracy"] == pytest.approx(2 / 3)  # as they were left
    assert row["page_accuracy"] == np.mean(right)
    assert (row["images"], row["bits"], row["weights"]) == (60, 8, 784 * 12 + 12 * 8 + 80)


def test_every_column_of_the_table_is_described():
    for name in playground.COLUMNS:
        assert columns.column("playground", name).head
    assert set(columns.on_page("playground")) <= set(playground.COLUMNS)


# ------------------------------------------------------------------------------------- the page
@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    directory = tmp_path_factory.mktemp("playground")
    return directory, made.packed(directory)


@pytest.fixture(scope="module")
def page(content: tuple[Path, dict[str, np.ndarray]]) -> str:
    return playground_page.render(made.FILES, made.context(*content))


def test_the_page_is_the_same_each_time_and_needs_nothing_else(page: str, content):
    assert playground_page.render(made.FILES, made.context(*content)) == page
    assert not re.search(r'(src|href)="(?!data:|#|final\.html")', page)
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    programs = re.findall(r"<script(?: type=\"module\")?>(.*?)</script>", page, re.DOTALL)
    programs += re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(programs) == 3
    assert all(playground_page.source_hash(text) in policy for text in programs)


def test_the_page_carries_what_was_packed(page: str, content):
    def carried(name: str) -> bytes:
        [text] = re.findall(rf'id="{name}-data">([^<]*)<', page)
        return gzip.decompress(base64.b64decode(text))

    _, packed = content
    nets = [playground.unpack(packed, it["name"]) for it in made.models()]
    parts = playground.weight_parts(nets)
    assert carried("weights") == b"".join(part.tobytes() for part in parts)
    assert carried("pixels") == packed["pixels"].tobytes()


def test_markup_in_titles_stays_text(page: str):
    assert "<img" not in page
    [title] = re.findall(r"<title>Playground – A study (.*?)</title>", page, re.DOTALL)
    assert html.unescape(title) == HOSTILE
    assert page.count("\\u003c/script>\\u003cimg") == 1  # in the data
    assert page.count("&lt;/script&gt;&lt;img") > 1


def test_the_page_prints_the_agreement(page: str, content):
    context = made.context(*content)
    for row in context["agreement"].values():
        for key in ("agreement", "probability", "page_accuracy"):
            assert columns.column("playground", key).write(row) in page


def test_colors_come_from_the_report(page: str):
    style = made.FILES[3].read_text(encoding="utf-8")
    assert playground_page.colors(style) in page
    assert "--orange" in playground_page.colors(style)
    assert ".headline" not in page
    with pytest.raises(StudyError, match="colors"):
        playground_page.colors("a { color: red }\n\n:root { --paper: #fff }")


@pytest.mark.parametrize(("data", "bright"), [(digits, False), (letters, True)])
def test_a_page_of_any_data_set_has_its_words_shape_and_classes(tmp_path: Path, data, bright):
    known = data()
    page, content = made.rendered(tmp_path, known, bright)
    text = re.sub(r"<(style|script).*?</\1>|data:[^\"]*", "", page, flags=re.DOTALL)
    assert not re.search(r"garment|fashion|cloth|shoe|trouser|Xiao|\b28\b|\b784\b", text, re.I)
    rows, columns_ = known["shape"]
    assert f"They see {rows * columns_} gray values" in text
    assert f'aria-label="Image, {rows} by {columns_} pixels"' in text
    assert f'id="x" min="-{columns_ // 2}" max="{columns_ // 2}"' in text
    kinds = {"digits": "ten kinds of digits", "mine": "five classes"}[known["set"]["key"]]
    assert f"They know {kinds} and nothing else" in text
    assert page.count('<span class="label" hidden>') == len(known["classes"])
    setup = json.loads(re.findall(r'id="setup">(.*?)</script>', page)[0])
    assert setup["shape"] == known["shape"]
    assert setup["background"] == int(bright)
    assert setup["models"][1]["sizes"] == [rows * columns_, 9, len(known["classes"])]
    assert content["pixels"].max() == known["white"]


def test_a_study_whose_models_all_diverged_gets_a_page_that_says_so(tmp_path: Path):
    given = [made.model("lost", [])]
    leave(tmp_path, "run-lost", 1, np.full(60, 0.9), status="diverged")
    labels = np.arange(60) % 10
    content = playground.pack(given, Runs(tmp_path), made.images(), labels, summary())
    context = playground_page.load_context(
        "A study", "final.html", given, content, [], summary(), made.SAMPLES
    )
    page = playground_page.render(made.FILES, context)
    assert "every training diverged: Model lost" in page


def test_two_networks_of_the_default_study_s_size_fit_into_two_megabytes():
    """Weights as they are initially compress no better than trained ones."""
    random = np.random.default_rng(0)
    sizes = (784, 600, 400, 200, 10)
    nets = {
        name: dense_layers(
            {"hidden": sizes[1:-1], "batch_norm": "none"}, random_parameters(sizes, random)
        )
        for name in ("keras-4", "keras-4r")
    }
    small = [net for _, net in playground.quantize_nets(nets).values()]
    size = len(base64.b64encode(playground.compressed(playground.weight_parts(small))))
    assert size < 1_500_000  # images, fonts and the rest are less than 0.35 MB
