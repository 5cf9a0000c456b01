"""What the kernel would keep back for one rule alone, estimated from the events of the history."""

from __future__ import annotations

import pytest

from tests import builders
from tests.workbench.test_preview import history, opens, ruleset
from tuimon.rules.checks import Checks
from tuimon.rules.loader import compile_expression
from tuimon.rules.prefilter_kernel import KernelExpressions
from tuimon.view.preview_lines import kept_text, warnings
from tuimon.workbench.kept_back import Kept, Sieve, shares
from tuimon.workbench.preview import preview

PATHS = ["/etc/shadow", *(f"/usr/lib/{number}" for number in range(19))]


def kept(condition: str, *types: str, **more) -> Kept:
    batches, event_of = history(opens(*PATHS, **more))
    sieve = Sieve(KernelExpressions([(compile_expression(condition), frozenset(types))], Checks()))
    for batch in batches:
        sieve.take(batch, event_of)
    return sieve.kept


@pytest.mark.parametrize(
    ("condition", "types", "passed"),
    [
        ("evt.type = openat and fd.name = /etc/shadow", ("openat",), 1),
        ("evt.type = openat and user.name = root", ("openat",), 20),
        ("evt.type = openat and container.id != host", ("openat",), 0),
    ],
)
def test_the_kernels_own_question_is_asked(condition, types, passed):
    assert kept(condition, *types) == Kept(20, passed)


def test_a_call_that_the_rule_does_not_look_at_is_not_asked_about():
    assert kept("evt.type = connect", "connect") == Kept(0, 0)
    assert kept("evt.type = connect", "connect").share is None


def test_what_happened_in_a_container_is_known_to_have():
    web = builders.container(name="web")
    assert kept("evt.type = openat and container.id != host", "openat", container=web) == Kept(20, 20)


def test_what_the_kernel_never_filters_passes():
    assert (
        Sieve(KernelExpressions([(compile_expression("evt.type = setns"), frozenset({"setns"}))], Checks())).kept
        == Kept()
    )


def test_a_preview_tells_it_and_warns_of_an_edit_that_lets_much_more_pass():
    batches, event_of = history(opens(*PATHS))
    narrow, wide = (f"evt.type = openat and fd.name {test}" for test in ("= /etc/shadow", "startswith /usr/"))
    seen = preview(batches, event_of, ruleset(narrow), ruleset(wide))
    assert (seen.kept_before.share, seen.kept_now.share) == pytest.approx((0.95, 0.05))
    assert kept_text(seen) == "kernel keeps ~5%"
    assert any("the kernel would send ~95% of the calls it looks at, was 5%" in text for text in warnings(seen))
    assert not any("kernel" in text for text in warnings(preview(batches, event_of, ruleset(wide), ruleset(narrow))))


def test_every_rule_is_asked_about_as_if_it_were_alone():
    batches, event_of = history(opens(*PATHS))
    turns = []
    found = shares(
        ruleset("evt.type = openat and fd.name = /etc/shadow", "evt.type = openat", "evt.type = connect"),
        batches, event_of, lambda: turns.append(1),
    )  # fmt: skip
    assert list(found.values()) == pytest.approx([0.95, 0.0, 1.0])  # the last looks at other calls
    assert len(turns) == 3
