"""Model cards: numbers from results, texts that stay texts, and code that runs as it is printed."""

import html
import re
from pathlib import Path

import numpy as np
import pytest
from fixtures import exports as made
from fixtures.hostile import HOSTILE, squeezed
from fixtures.report import letters
from fixtures.runs import leave
from markdown_it import MarkdownIt

pytestmark = pytest.mark.usefixtures("one_thread")


def rendered(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def words(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def test_a_card_has_the_numbers_of_the_results(tmp_path: Path):
    given = made.model("keras", seeds=(1, 2, 3), dropout=0.25, batch_norm="before")
    leave(tmp_path, given["run"], 1, status="diverged")
    made.train(tmp_path, given, seed=2)
    made.train(tmp_path, given, seed=3)
    row = {"model": "net", "gap": 0.0123, "gap_low": 0.004, "gap_high": 0.02}
    row |= {"ece_corrected": 0.015, "ece_low": 0.01, "ece_high": 0.02}
    text = words(rendered(made.cards(tmp_path, given, calibration=[row])["net.md"]))
    for expected in [
        *("Mean of two seeds", "Of 3 trainings, 1 diverged"),
        "the training with seed 2, the first that did not diverge of 3",
        *("87.12", "86.12 to 89.12", "0.345", "0.335 to 0.365"),  # test accuracy and loss
        *("0.25", "before the activation", "Glorot uniform", "Python 3.11.7, TensorFlow 2.21.0"),
        "60,000 training images, of which the last 12,000 were held out",
        "the first 12 test images",
        "divided by 255",
        "mean confidence minus accuracy is +1.23 points (95 % interval +0.40 to +2.00)",
        "expected calibration error is 1.50 points",
        *("4 by 6 pixels", "float32 (n, 4, 6)", "T-shirt/top, Trouser, "),
    ]:
        assert re.sub(r"\s", " ", expected) in re.sub(r"\s+", " ", text), expected
    assert "gap" not in text and "calibration." not in text


def test_a_card_says_what_is_not_known(tmp_path: Path):
    given = made.model("lowlevel", hidden=())
    made.train(tmp_path, given)
    data = letters() | {"shape": list(made.SHAPE)}
    text = made.cards(tmp_path, given, summary=data)["net.md"]
    assert "Softmax regression that says" in text
    assert "the images have one of their own" in text
    assert "Its probabilities were not tested for calibration" in text
    assert "One seed" in text and "diverge" not in text
    assert "<>" not in text


def test_texts_of_the_configuration_stay_texts(tmp_path: Path):
    given = made.model("lowlevel") | {"title": HOSTILE}
    made.train(tmp_path, given)
    data = made.described_data()
    data |= {"classes": [HOSTILE, *data["classes"][1:]], "set": data["set"] | {"name": HOSTILE}}
    for name, text in made.cards(tmp_path, given, summary=data).items():
        page = rendered(text)
        assert not re.search(
            r"<(?!/?(h[12]|p|a|em|li|ul|code|pre|table|t[hrd]|thead|tbody)\b)", page
        )
        assert set(re.findall(r'href="([^"]*)"', page)) <= {
            *("net.md", "net.keras", "net.onnx"),
            "https://github.com/zalandoresearch/fashion-mnist",
        }
        assert squeezed(HOSTILE) in squeezed(words(page)), name
        assert page.count("<table>") == {"net.md": 3, "README.md": 1}[name]


def test_the_code_on_a_card_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    given = made.model("keras", batch_norm="after")
    made.train(tmp_path, given)
    [exported] = made.export(tmp_path, given)
    for ending, content in exported.files.items():
        (tmp_path / f"net.{ending}").write_bytes(content)
    text = made.cards(tmp_path, given)["net.md"]
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    black = np.zeros((1, *made.SHAPE), np.float32)
    classes = made.described_data()["classes"]
    for block in blocks:
        names: dict = {}
        exec(block, names)
        assert (names["images"] == black).all()
        place = names["probabilities"].argmax()
        assert str(place) in capsys.readouterr().out or names["classes"][place] == classes[place]


def test_the_list_of_models_names_those_without_files(tmp_path: Path):
    given, lost = made.model("lowlevel"), made.model("lowlevel", hidden=(3,))
    lost |= {"name": "lost", "title": "Lost"}
    made.train(tmp_path, given)
    leave(tmp_path, lost["run"], 1, status="diverged")
    texts = made.cards(tmp_path, given, lost)
    assert sorted(texts) == ["README.md", "net.md"]
    assert "Every training diverged, so there are no files: Lost." in texts["README.md"]
    assert "| [A net](net.md) | 87.12 | 86.12 to 89.12 |" in texts["README.md"]
    assert "no files" not in made.cards(tmp_path, given)["README.md"]
    alone = made.cards(tmp_path, lost)
    assert list(alone) == ["README.md"] and "| Model |" not in alone["README.md"]
