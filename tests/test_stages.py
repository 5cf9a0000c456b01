"""CPU time by stage: what is worked counts, what is waited does not."""

import time

from tuimon.stages import STAGES, Stages


def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_work_counts_for_its_stage_and_waiting_for_none():
    """All work is counted, once: a collection of garbage may fall into any stage."""
    stages = Stages()
    began = time.thread_time_ns()
    stages.begin()
    burn(0.02)
    stages.lap("rules")
    between = time.thread_time_ns()
    time.sleep(0.05)
    stages.lap("drain")
    ended = time.thread_time_ns()
    assert 0.02e9 <= stages.total_ns["rules"] <= between - began
    assert stages.total_ns["rules"] + stages.total_ns["drain"] <= ended - began
    assert stages.total_ns["history"] == 0


def test_shares_are_of_the_time_since_the_last_ones():
    stages = Stages()
    stages.total_ns["rules"] = 500_000_000
    stages.share(stages._then_s + 1.0)
    assert stages.shares["rules"] == 0.5
    assert set(stages.shares) == set(STAGES)
    stages.share(stages._then_s + 1.0)
    assert stages.shares["rules"] == 0.0
