"""The check of any configuration ends well: it passes, or each mistake is named with its place."""

import random
import re
import tempfile
from pathlib import Path

from fixtures import studies
from fixtures.studies import Files
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fmstudy.study.configuration import ConfigurationError

# The same examples each time: a failure is one of the change under test.
RULES = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def refusal(files: Files, folder: Path) -> str:
    """Why the check refuses a study; empty if it does not."""
    studies.write(files, folder)
    try:
        studies.check(folder)
    except ConfigurationError as error:
        return str(error)
    return ""


@RULES
@given(studies.damaged())
def test_whatever_a_person_writes_is_accepted_or_refused_with_its_place(files: Files):
    with tempfile.TemporaryDirectory() as folder:
        said = refusal(files, Path(folder))
        complaints = [line for line in said.splitlines() if "nothing was run" not in line]
        place = re.compile(rf" *{re.escape(folder)}/config/\w+\.(yaml|csv)(, line \d+)?: \S")
        for line in complaints:
            assert place.match(line), said


@settings(RULES, max_examples=10, phases=[Phase.generate])
@given(st.integers(0, 2**32))
def test_notation_leaves_no_trace_in_what_jobs_get(seed: int):
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        plain, other = Path(folder, "plain"), Path(folder, "other")
        files = studies.tiny()
        studies.write(files, plain)
        studies.write({name: studies.respelled(it, dice) for name, it in files.items()}, other)
        assert repr(studies.check(other)) == repr(studies.check(plain))
