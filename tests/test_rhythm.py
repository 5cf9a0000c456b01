"""What is due when, on a clock of the test's own: soon after something happened, seldom while nothing does."""

from tuimon.rhythm import COUNT_S, DRAIN_S, KEEP_S, TELL_S, Rhythm


def test_what_comes_after_a_calm_is_kept_at_once_and_what_follows_is_joined() -> None:
    rhythm = Rhythm(100.0)
    assert rhythm.keeps(100.0)
    rhythm.kept(100.0)
    assert not rhythm.keeps(100.0 + KEEP_S / 2)
    assert rhythm.keeps(100.0 + KEEP_S)
    rhythm.kept(100.0 + KEEP_S)
    assert rhythm.keeps(200.0)


def test_news_are_told_ten_times_a_second_and_nothing_is_told_without_any() -> None:
    rhythm = Rhythm(100.0)
    assert rhythm.tells(100.0)
    assert not rhythm.tells(150.0)
    told = 0
    for tick in range(100):
        rhythm.news = True
        told += rhythm.tells(150.0 + tick / 100)
    assert told == round(1 / TELL_S)


def test_counting_keeps_its_second_whoever_is_late_and_is_news() -> None:
    rhythm = Rhythm(100.0)
    assert rhythm.counts(100.0)
    assert rhythm.tells(100.0)
    assert not rhythm.counts(100.9)
    assert rhythm.counts(100.0 + COUNT_S + 0.08)
    assert rhythm.tells(100.0 + COUNT_S + 0.08)
    assert rhythm.counts(100.0 + 2 * COUNT_S)


def test_after_a_long_hold_up_the_count_is_made_once() -> None:
    rhythm = Rhythm(100.0)
    assert rhythm.counts(107.5)
    assert not rhythm.counts(107.6)


def test_a_wait_ends_when_something_is_due_and_is_short_while_something_is_looked_for() -> None:
    rhythm = Rhythm(100.0)
    assert rhythm.patience_s(100.0, busy=False) == 0.0  # there is the first count, and something to tell
    rhythm.counts(100.0)
    rhythm.tells(100.0)
    assert abs(rhythm.patience_s(100.2, busy=False) - 0.8) < 1e-6
    assert rhythm.patience_s(100.2, busy=True) == DRAIN_S
    assert abs(rhythm.patience_s(100.97, busy=False) - 0.03) < 1e-6
    rhythm.kept(100.2)
    rhythm.tells(100.2)
    assert abs(rhythm.patience_s(100.25, busy=False, fresh=True) - (KEEP_S - 0.05)) < 1e-6
    rhythm.news = True
    assert rhythm.patience_s(100.4, busy=False) == 0.0


def test_a_calm_second_has_a_few_waits_at_the_most() -> None:
    rhythm, now_s, waits, told = Rhythm(100.0), 100.0, 0, 0
    while now_s < 110.0:
        rhythm.counts(now_s)
        told += rhythm.tells(now_s)
        now_s += max(rhythm.patience_s(now_s, busy=False), 1e-6)
        waits += 1
    assert waits <= 30
    assert told <= 11
