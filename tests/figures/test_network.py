"""The picture of a net without and with batch normalization."""

from pathlib import Path

import pytest
from fixtures import svgcheck

from fmstudy.figures import network

pytestmark = pytest.mark.usefixtures("coarse")


def test_the_picture_of_the_nets_shows_both(tmp_path: Path):
    drawing = network.draw()
    left, right = drawing.figure.axes
    texts = [{text.get_text() for text in axes.texts} for axes in (left, right)]
    assert "+ b" in texts[0] - texts[1]
    assert any("β" in text for text in texts[1] - texts[0])
    root = svgcheck.saved(drawing, tmp_path / "net.svg")
    assert not svgcheck.unreadable(root)
    assert "without batch normalization,step 2,,+ b" in (tmp_path / "net.csv").read_text("utf-8")
