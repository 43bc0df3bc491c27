"""Runs are killed at random moments; a restart ends with the files of an undisturbed run."""

import pytest

pytestmark = pytest.mark.faults
