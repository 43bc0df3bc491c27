"""The samples of experiments that take a second."""

import pytest
from fixtures.experiments import FITTED, TEST, VALIDATION


@pytest.fixture(scope="session")
def data(samples):
    """The samples that tiny experiments fit, validate, and test on."""
    from fmstudy.engines.mini_batch import Samples
    from fmstudy.experiments.common import Data

    return Data(*(Samples.of(*samples(n, n)) for n in (FITTED, VALIDATION, TEST)))
