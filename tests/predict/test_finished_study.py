"""Test images, saved as files, get the probabilities that the trainings predicted for them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fmstudy.analysis.results import Runs
from fmstudy.predict import models
from fmstudy.predict.classify import classify

pytestmark = pytest.mark.workflow

IMAGES = 40


def test_test_images_get_the_predictions_of_both_engines(finished: Path, tmp_path: Path):
    x = np.load(finished / "results/data/fashion-mnist/x_test.npy")[:, :IMAGES]
    files = [tmp_path / f"{n}.png" for n in range(IMAGES)]
    for file, pixels in zip(files, x.T.reshape(-1, 28, 28), strict=True):
        Image.fromarray(np.rint(255 * pixels).astype(np.uint8)).save(file)
    study = models.load(finished / "results")
    assert {it.name for it in study.models} >= {"softmax", "B-L2", "keras-2", "keras-2-BN"}
    answers = classify(files, study)
    for model in study.models:
        expected = Runs(finished / "results/runs").predictions(model.run, model.seed)
        found = np.stack([answer.probabilities[model.name] for answer in answers], axis=1)
        assert np.abs(found - expected[:, :IMAGES]).max() < 1e-5
    assert all(answer.likeness and not answer.prepared.inverted for answer in answers)
