"""Pictures classified by the models of a finished study: by a function and on the command line."""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from fixtures import REPOSITORY, pictures, predicted, run_command
from PIL import Image

import predict_images
from fmstudy import runtime
from fmstudy.checks import reference
from fmstudy.figures.svg import style
from fmstudy.predict import likeness, models
from fmstudy.predict import pictures as drawing
from fmstudy.predict.classify import classify
from fmstudy.runtime import StudyError


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("predict")
    predicted.study(folder)
    return folder


@pytest.fixture
def study(top: Path, tmp_path: Path) -> Path:
    """A result folder that a test may change."""
    shutil.copytree(top / "results", tmp_path / "results")
    return tmp_path / "results/mine"


@pytest.fixture(scope="module")
def mine(top: Path) -> Path:
    return top / "results/mine"


def first_images(mine: Path) -> np.ndarray:
    """The first test images, (n, 8, 8) in [0, 1]."""
    x = np.load(mine.parent / "data/digits/x_test.npy")
    return x[:, : predicted.TEST].T.reshape(-1, 8, 8)


# ------------------------------------------------------------------------------------- answers
def test_answers_are_those_of_the_first_finished_training(mine: Path):
    images = first_images(mine)[:5]
    answers = classify(list(images), mine)
    for name, seed in (("softmax", 1), ("net", 2)):  # the first training of net diverged
        random = np.random.default_rng([len(name), seed])
        sizes = (64, *predicted.NETS[name], 10)
        p = {key: 3 * it for key, it in predicted.random_parameters(sizes, random).items()}
        net = reference.Net(len(sizes) - 1, "relu")
        expected = reference.softmax(reference.logits(net, p, images.reshape(5, 64).T))
        for answer, right in zip(answers, expected.T, strict=True):
            assert answer.probabilities[name] == pytest.approx(right, abs=1e-5)
            assert answer.classes[name] == str(right.argmax())
    assert [answer.name for answer in answers] == [f"picture {n}" for n in range(1, 6)]
    assert [*answers[0].classes] == ["softmax", "net"]


def test_files_images_and_arrays_get_the_same_answer(mine: Path, tmp_path: Path):
    path = pictures.save(tmp_path, "shoe.png")
    loaded = models.load(mine)
    found = classify([path, str(path), pictures.shoe(), np.asarray(pictures.shoe())], loaded)
    assert len(found) == 4
    for answer in found[1:]:
        assert (answer.probabilities["net"] == found[0].probabilities["net"]).all()
    [alone] = classify(path, loaded)
    assert alone.name == str(path)


def test_models_are_chosen_by_name_also_those_of_sweeps(mine: Path):
    assert [it.name for it in models.load(mine, ["sweep", "net"]).models] == ["sweep", "net"]
    with pytest.raises(StudyError, match=r'^No model is called "nett"\. Did you mean "net"'):
        models.load(mine, ["nett"])


def test_likeness_is_the_correlation_with_the_most_similar_training_image(mine: Path):
    """As the table of near-duplicates has it of each test image; constant images have none."""
    table = runtime.read_table(mine / "data/neighbors.csv", ("correlation",), ())
    correlations = table["correlation"].to_numpy()
    for n, answer in enumerate(classify(list(first_images(mine)[:30]), mine)):
        assert answer.likeness is not None
        assert answer.likeness.correlation == pytest.approx(correlations[n], abs=1e-5)
        more_similar = np.mean(correlations > correlations[n] + 1e-5)
        assert answer.likeness.share == pytest.approx(1 - more_similar, abs=0.011)
    [strange] = classify(np.random.default_rng(0).uniform(0, 1, (8, 8)) > 0.7, mine)
    assert strange.likeness is not None
    assert strange.likeness.unlike
    assert likeness.nearest(np.ones((64, 1)), np.eye(64, 9, dtype=np.float32)).tolist() == [0]


# ------------------------------------------------------------------------------------- refusals
def test_the_first_picture_that_cannot_be_used_is_named_or_all_are_collected(mine: Path):
    given = [pictures.shoe(), np.zeros((9, 9)), np.zeros(3)]
    with pytest.raises(StudyError, match=r"^picture 2: nothing stands out"):
        classify(given, mine)
    errors: dict[str, str] = {}
    assert [it.name for it in classify(given, mine, errors=errors)] == ["picture 1"]
    assert [*errors] == ["picture 2", "picture 3"]


@pytest.mark.parametrize(
    ("folder", "advice"),
    [("results", "Run make report. Finished"), ("results/quick", "Run make quick. Finished"),
     ("results/other", "Run make report STUDY=other. Finished")],
)  # fmt: skip
def test_without_a_finished_study_it_says_what_to_run(top: Path, folder: str, advice: str):
    with pytest.raises(StudyError) as refused:
        models.load(top / folder)
    assert advice in str(refused.value)
    assert str(top / "results/mine") in str(refused.value)


def test_the_default_study_is_named_without_a_study(study: Path):
    shutil.copy(study / "study.json", study.parent)
    with pytest.raises(StudyError, match=r"/results \(without STUDY\), .*/mine \(STUDY=mine\)"):
        models.load(study.parent / "other")


def test_results_that_changed_or_are_missing_are_refused(study: Path):
    weights = study / "runs/run-softmax/seed-1/weights.npz"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + b"x")
    with pytest.raises(StudyError, match=r"weights.npz: changed .*run make report STUDY=mine"):
        models.load(study)
    weights.unlink()
    with pytest.raises(StudyError, match=r"weights.npz: not found. Run make report STUDY=mine"):
        models.load(study)
    assert [it.name for it in models.load(study, ["net"]).models] == ["net"]


def test_a_data_set_that_is_not_the_study_s_is_refused(study: Path):
    path = study.parent / "data/digits/summary.json"
    other = runtime.read_json(path)
    other["digests"]["x_train"][0] = "0" * 64
    runtime.write_json(path, other)
    with pytest.raises(StudyError, match="images that its models were trained with are not found"):
        models.load(study)


def test_models_whose_trainings_all_diverged_are_named(study: Path):
    predicted.train(study, "net", 2, "diverged")
    found = models.load(study)
    assert ([it.name for it in found.models], found.diverged) == (["softmax"], ["Model net"])
    with pytest.raises(StudyError, match="every training diverged: Model net"):
        models.load(study, ["net"])


# --------------------------------------------------------------------------- on the command line
def predict(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = predict_images.main(*map(str, arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_one_picture_gets_a_row_per_model(mine: Path, tmp_path: Path, capsys):
    path = pictures.save(tmp_path, "shoe.png")
    answers = tmp_path / "answers.json"
    steps = tmp_path / "steps.png"
    options = ("--results", mine, "--json", answers, "--picture", steps)
    code, out, _ = predict(capsys, path, *options)
    assert code == 0
    assert f"{path}: 400 × 300 pixels, inverted" in out
    [answer] = classify(path, mine)
    content = json.loads(answers.read_text(encoding="utf-8"))
    [picture] = content["pictures"]
    for name, p in answer.probabilities.items():
        order = (-p).argsort()
        [row] = [line.split() for line in out.splitlines() if f"  {name} " in line]
        best = f"{100 * p[order[0]]:.1f}"
        assert row[:4] == ["Model", name, name, str(order[0])]
        assert best in row or "99.9" in row
        assert row.index(str(order[1]), 5) > 5
        assert picture["answers"][name]["class"] == str(order[0])
        assert [*picture["answers"][name]["probabilities"].values()] == p.tolist()
    assert "Every picture gets one of the ten classes, whatever it shows." in out
    assert "unlike the training images" in out
    assert picture["image"] == answer.prepared.image.tolist()
    assert picture["likeness"]["unlike"]
    assert content["models"][1] == {
        "name": "net",
        "title": "Model net",
        "run": "run-net",
        "seed": 2,
    }
    with Image.open(steps) as image:
        assert image.width == 1500


def test_a_folder_gets_a_row_per_picture_and_broken_files_come_last(
    mine: Path, tmp_path: Path, capsys
):
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for n, image in enumerate(first_images(mine)[:3]):
        place = folder if n else folder / "more"
        Image.fromarray((255 * image).astype(np.uint8)).save(place / f"test{n // 2}.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\x1b")
    (folder / "notes.txt").write_text("ignored")
    steps = tmp_path / "steps"
    code, out, _ = predict(capsys, folder, "--results", mine, "--picture", steps)
    assert code == 1
    lines = out.splitlines()
    named = [line.split()[0] for line in lines if " of 2 " in line]
    assert named == [str(folder / it) for it in ("more/test0.png", "test0.png", "test1.png")]
    assert "3 pictures; all models agree on " in out
    assert out.index("Not classified: 1") > out.index("3 pictures")
    assert "broken.jpg: not a picture" in out
    assert "notes.txt" not in out
    assert sorted(it.name for it in steps.iterdir()) == ["test0-2.png", "test0.png", "test1.png"]


def test_pictures_are_named_as_in_a_shell_or_with_spaces(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a b.png", "c.png"):
        Path(name).touch()
    found = predict_images.pictures
    assert found(["a b.png"]) == [Path("a b.png")]
    assert found(["'a b.png' c.png"]) == [Path("a b.png"), Path("c.png")]
    assert found(["."]) == [Path("a b.png"), Path("c.png")]
    assert found(["Anna's c.png"]) == [Path("Anna's c.png")]
    assert found(["~nobody-of-this-name/c.png"]) == [Path("~nobody-of-this-name/c.png")]
    assert found(["c.png " * 100 + "'a b.png'"]) == [Path("c.png"), Path("a b.png")]
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudyError, match="no pictures in this folder"):
        found(["empty"])
    with pytest.raises(StudyError, match="without a name"):
        found([" "])


@pytest.mark.parametrize("option", ["--picture", "--json"])
@pytest.mark.parametrize("whole_folder", [False, True])
def test_pictures_are_never_overwritten(mine: Path, tmp_path: Path, capsys, option, whole_folder):
    path = pictures.save(tmp_path, "shoe.png")
    content = path.read_bytes()
    given = tmp_path if whole_folder else path
    code, out, err = predict(capsys, given, "--results", mine, option, given)
    assert (code, out) == (1, "")
    assert "Name a new place." in err
    assert path.read_bytes() == content


def test_a_name_that_is_no_text_has_answers_in_all_forms(mine: Path, tmp_path: Path, capsys):
    path = tmp_path / os.fsdecode(b"\xff$\\frac{$\n.png")
    pictures.save(tmp_path, "shoe.png").rename(path)
    options = ("--json", tmp_path / "out/a.json", "--picture", tmp_path / "out/a.png")
    code, out, err = predict(capsys, path, "--results", mine, *options)
    assert (code, err) == (0, "")
    assert r"udcff$\frac{$\n.png: 400 × 300 pixels" in out
    [picture] = json.loads((tmp_path / "out/a.json").read_text(encoding="utf-8"))["pictures"]
    assert picture["file"].endswith("udcff$\\frac{$\n.png")


def test_mistakes_end_with_a_message(mine: Path, tmp_path: Path, capsys):
    path = pictures.save(tmp_path, "shoe.png")
    code, _, err = predict(capsys, path, "--results", mine, "--models", "softmaks")
    assert (code, err.count("\n")) == (1, 1)
    assert 'Did you mean "softmax"?' in err
    code, out, _ = predict(capsys, tmp_path / "none.png", "--results", mine)
    assert code == 1
    assert "none.png: not found" in out
    code, out, _ = predict(capsys, f"'{'x' * 300}\nlong", "--results", mine)
    assert code == 1
    assert "x\\nlong: not found" in out
    code, _, err = predict(capsys, path, "--results", mine, "--json", path / "x.json")
    assert code == 1
    assert "Traceback" not in err


def test_answers_come_without_tensorflow_and_without_matplotlib(mine: Path, tmp_path: Path):
    """Which would take seconds to import."""
    path = pictures.save(tmp_path, "shoe.png")
    code = "import sys, predict_images; predict_images.main(*sys.argv[1:]); print(*sys.modules)"
    run = (sys.executable, "-c", code, path, "--results", mine)
    done = run_command(*run, cwd=REPOSITORY / "scripts")
    assert "Model softmax" in done.stdout
    assert not {"tensorflow", "keras", "matplotlib"} & {*done.stdout.split()}


# --------------------------------------------------------------------------------- the drawing
def test_the_drawing_shows_the_steps_and_every_model(mine: Path):
    loaded = models.load(mine)
    [answer] = classify(pictures.shoe(), loaded)
    with style():
        figure = drawing.draw(answer, loaded)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    steps = ["Photo", "Gray", "Black background", "Trimmed", "Scaled", "Centered"]
    named = [f"{n}. {step}" for n, step in enumerate(steps, 1)]
    assert titles == [*named, "Model softmax", "Model net"]
    bars = [patch.get_width() for patch in figure.axes[-1].patches]
    assert bars == answer.probabilities["net"].tolist()
