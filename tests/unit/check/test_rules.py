"""Rules of the gate: what is allowed, and what a rule's numbers mean."""

from __future__ import annotations

import numpy as np
import pytest

from harness.check import DEFAULT_RULE, QUANTITIES, parse_rule, parse_rules
from harness.errors import UsageError
from harness.stats import METRICS


@pytest.mark.parametrize(
    ("text", "is_share", "margin", "limit"),
    [
        ("tau:0.02", False, 0.02, 0.02),
        ("tau_top_half:0.03", False, 0.03, 0.03),
        ("spearman:.5", False, 0.5, 0.5),
        ("tau:0", False, 0.0, 0.0),
        (" train_loss:0.1 ", False, 0.1, 0.1),
        ("regret_at_10:250.5", False, 250.5, 250.5),
        ("positive_pd:10%", True, 0.1, np.log(1.1)),
        ("positive_pd:0.001", False, 0.001, 0.001),
    ],
)
def test_a_rule_is_a_figure_and_a_margin(
    text: str, is_share: bool, margin: float, limit: float
) -> None:
    rule = parse_rule(text)
    assert rule.is_share is is_share
    assert rule.margin == pytest.approx(margin)
    assert rule.limit == pytest.approx(limit)
    assert parse_rule(str(rule)) == rule


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not figure:margin"),
        ("tau", "not figure:margin"),
        ("tau:", "not figure:margin"),
        ("tau:-0.02", "not figure:margin"),
        ("tau:nan", "not figure:margin"),
        ("tau:inf", "not figure:margin"),
        ("tau:1e9", "not figure:margin"),
        ("tau=0.02", "not figure:margin"),
        ("tau:0.02:0.03", "not figure:margin"),
        ("tau:\u0660.\u0662", "not figure:margin"),  # digits, but not these
        ("ta:0.02", "no figure 'ta'; did you mean 'tau'"),
        ("Tau:0.02", "no figure 'Tau'; did you mean 'tau'"),
        ("accuracy:1", "no figure 'accuracy'"),
        ("tau:5%", "may be 0 or below"),
        ("regret_at_10:5%", "may be 0 or below"),
        ("regret_at_5:1", "no figure 'regret_at_5'; did you mean 'regret_at_1'"),
        ("tau:2", "the margin is 2; at most 1 is allowed"),
        ("positive_pd:2000%", "the margin is 2000%"),
    ],
)
def test_a_bad_rule_is_refused_with_its_text_and_what_is_allowed(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        parse_rule(text)
    message = str(caught.value)
    assert f"Rule '{text}' is not allowed" in message
    assert all(name in message for name in (*QUANTITIES, "tau:0.02", "positive_pd:10%"))


def test_a_hostile_rule_cannot_steer_a_terminal() -> None:
    with pytest.raises(UsageError, match="not allowed") as caught:
        parse_rule("tau\x1b[31m:" + "9" * 500)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_no_rule_is_the_default_rule() -> None:
    assert parse_rules([]) == (parse_rule(DEFAULT_RULE),)


def test_a_figure_has_one_rule() -> None:
    with pytest.raises(UsageError, match=r"tau:0.02 and tau:0.05 are about the same figure"):
        parse_rules(["tau:0.02", "spearman:0.1", "tau:0.05"])


def test_a_share_is_a_ratio_whatever_the_scale() -> None:
    rule = parse_rule("positive_pd:10%")
    old, new = np.array([1.0, 4.0]), np.array([1.1, 4.4])
    difference = float((rule.to_scale(new) - rule.to_scale(old)).mean())
    assert difference == pytest.approx(rule.limit)
    assert rule.to_margin(difference) == pytest.approx(0.1)
    assert rule.to_value(float(rule.to_scale(old).mean())) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("rule", "difference", "text"),
    [
        ("tau:0.02", -0.0004, "0.000"),
        ("tau:0.02", -0.0006, "-0.001"),
        ("tau:0.02", 0.1, "0.100"),
        ("train_loss:0.1", 0.00123, "0.0012"),
        ("positive_pd:10%", 0.1, "10.0%"),
        ("positive_pd:10%", -0.0001, "0.0%"),
    ],
)
def test_a_difference_is_written_in_the_units_of_the_margin(
    rule: str, difference: float, text: str
) -> None:
    assert parse_rule(rule).show(difference) == text


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"is 0 for a seed: .* positive_pd:0.001"):
        parse_rule("positive_pd:10%").to_scale(np.array([0.1, 0.0]))


def test_every_ranking_figure_has_influence_values_or_is_bounded_over_seeds() -> None:
    for row in QUANTITIES.values():
        if row.metric is None:
            continue
        metric = METRICS[row.metric]
        assert row.is_extreme is metric.is_lower_better is metric.is_extreme
        assert row.is_extreme or metric.method.value == "influence"


def test_the_top_half_may_be_called_as_reports_do() -> None:
    assert parse_rule("tau_top_50:0.03") == parse_rule("tau_top_half:0.03")
