"""A study records, beside its results, what a comparison needs to know."""

from pathlib import Path

import pytest

from fmstudy.compare import folder, page

pytestmark = pytest.mark.workflow


def test_a_finished_study_is_equal_to_itself_and_its_configuration_is_known(finished: Path):
    results = folder.load(str(finished / "results"))
    found = page.compare(results, results)
    assert found["sentences"][0].startswith("The results are equal: all 10 trainings")
    assert found["sentences"][1].startswith("Nothing else differs: configuration, code, versions")
    assert results.record["configuration"]["title"] == "A tiny study"
    assert results.models["softmax"]["main"]
    assert not results.models["A-width-4"]["main"]
    assert results.problems == []
    assert results.images == 200
