"""The bound taken apart: its parts add up, and the gap is what M opens and E closes."""

import numpy as np
import pytest

from em_explorer.em.diagnostics import bound_gap, bound_parts, has_exact_posterior
from em_explorer.em.errors import SingularError
from em_explorer.em.steps import RunOptions, StopReason
from tests.em.four_models import EXACT, mixture, topics
from tests.em.tiny import overlapping, short_run, traced

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("name", EXACT)
def test_parts_add_up_and_the_gap_opens_in_m_and_closes_in_e(name):
    model, data, params = EXACT[name]()
    assert has_exact_posterior(model)
    trace = traced(model, data, params, RunOptions(6, 0.0))
    for index in range(1, len(trace)):
        snapshot, parts = trace[index], bound_parts(trace, index)
        assert parts.bound == snapshot.bound
        total = parts.expected_log_joint + parts.entropy + parts.log_prior
        assert total == pytest.approx(parts.bound, rel=1e-13)
        assert parts.entropy == snapshot.expectation.entropy
        assert parts.log_prior == model.log_prior(snapshot.params)
        again = model.e_step(data, snapshot.params).log_likelihood
        assert parts.log_likelihood == pytest.approx(again, rel=1e-13)
        assert parts.bound + parts.gap == pytest.approx(
            parts.log_likelihood + parts.log_prior, rel=1e-13
        )
        if index % 2:
            assert parts.gap == 0.0
        else:
            assert parts.gap > 0.0
        assert bound_gap(model, data, snapshot) == pytest.approx(parts.gap, rel=1e-9)


def test_the_gap_is_the_divergence_of_the_posteriors():
    model, data, params = mixture()
    trace = traced(model, data, params, RunOptions(3, 0.0))
    q = model.e_step(data, trace[3].params, latent=True).latent.responsibilities
    p = model.e_step(data, trace[4].params, latent=True).latent.responsibilities
    divergence = (q * np.log(q / p)).sum()
    assert bound_parts(trace, 4).gap == pytest.approx(divergence, rel=1e-9)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_the_end_of_a_running_trace(length):
    trace = short_run(length)
    last = bound_parts(trace, length - 1)
    assert bound_parts(trace, 0) is None
    if length == 1:
        assert last is None
    elif length == 3:  # after M; nobody has been at these params yet
        assert last.log_likelihood is last.gap is None
        assert bound_gap(trace.model, trace.data, trace[2]) > 0
    else:
        assert last.gap == 0.0
        assert length == 2 or bound_parts(trace, 2).gap > 0.0


def test_a_topic_model_has_parts_and_no_gap():
    model, data, params = topics()
    assert not has_exact_posterior(model)
    trace = traced(model, data, params, RunOptions(4, 0.0))
    for index in range(1, len(trace)):
        parts = bound_parts(trace, index)
        assert parts.log_likelihood is parts.gap is None
        total = parts.expected_log_joint + parts.entropy + parts.log_prior
        assert total == pytest.approx(trace.bound(index), rel=1e-13)
        assert parts.log_prior < 0.0
        assert bound_gap(model, data, trace[index]) is None


def test_what_was_thinned_out_is_not_replayed():
    model, data, params = overlapping(2.0, n=200)
    trace = traced(model, data, params, RunOptions(300, 0.0), budget=60_000)
    found = [bound_parts(trace, index) for index in range(len(trace))]
    missing = [index for index in range(len(trace)) if trace.replay(index) is not None]
    assert missing
    assert [i for i, parts in enumerate(found) if parts is None] == [0, *missing]


def test_an_end_without_an_e_step():
    """The last M-step led to parameters that no E-step can use."""
    model, data, params = mixture()

    class GivesUp(type(model)):
        def e_step(self, data, params, *, latent=False, carry=None):
            if params is not start and np.ptp(params.means) > limit:
                raise SingularError("nothing more to be found here")
            return super().e_step(data, params, latent=latent, carry=carry)

    start, limit = params, -1.0
    trace = traced(GivesUp(model.options), data, params, RunOptions(9, 0.0))
    assert trace.stop.reason is StopReason.SINGULAR
    assert len(trace) == 3
    parts = bound_parts(trace, 2)
    assert parts.gap is parts.log_likelihood is None
    assert parts.bound > bound_parts(trace, 1).bound
    with pytest.raises(SingularError, match="nothing more"):
        bound_gap(trace.model, data, trace[2])


def test_one_component_hides_nothing():
    model, data, _ = mixture()
    single = type(model)(type(model.options)(1))
    start = single.nudge(single.initialize(data, np.random.default_rng(0)), RNG, 0.5)
    trace = traced(single, data, start, RunOptions(2, 0.0))
    for index in range(1, len(trace)):
        parts = bound_parts(trace, index)
        assert parts.entropy == 0.0
        assert parts.gap <= 1e-10
