"""The steps from everything to what is shown, and the way back."""

from tuimon.view.trail import Step, Trail

WEB = Step("web", containers=frozenset(("1",)))
DB = Step("db", containers=frozenset(("2",)))
NGINX = Step("nginx", "proc.name = nginx", view="process")
SHADOW = Step("/etc/shadow", "fd.name = /etc/shadow", view="file")


def test_steps_in_and_back_out():
    trail = Trail()
    assert trail.add(WEB)
    assert trail.add(NGINX)
    assert trail.add(SHADOW)
    assert not trail.add(NGINX)
    assert trail.terms == (NGINX.term, SHADOW.term)
    assert trail.containers == {"1"}
    assert [trail.climb() for _ in range(4)] == [SHADOW, NGINX, WEB, None]


def test_another_choice_of_containers_takes_the_place_of_the_first():
    trail = Trail()
    trail.set((WEB, NGINX))
    assert trail.add(DB)
    assert trail.steps == (DB, NGINX)
    assert trail.set_containers(None)
    assert trail.steps == (NGINX,)
    assert trail.add(DB)
    assert trail.steps == (NGINX, DB)
    assert not trail.add(DB)


def test_a_typed_filter_takes_the_place_of_all_conditions():
    trail = Trail()
    trail.set((NGINX, WEB, SHADOW))
    typed = Step("x", "x")
    trail.set_terms(typed)
    assert trail.steps == (WEB, typed)
    trail.set_terms(None)
    assert trail.steps == (WEB,)


def test_back_and_forward_like_a_browser():
    trail = Trail()
    assert not trail.can_go_back
    assert not trail.go(-1)
    trail.add(WEB)
    trail.add(NGINX)
    trail.cut(1)
    assert trail.go(-1)
    assert trail.steps == (WEB, NGINX)
    assert trail.go(-1)
    assert trail.can_go_forward
    assert trail.go(1)
    trail.add(SHADOW)
    assert not trail.can_go_forward
    assert not trail.go(1)


def test_it_is_bounded():
    trail = Trail()
    for number in range(500):
        trail.set((Step(str(number), str(number)),))
    steps = 0
    while trail.go(-1):
        steps += 1
    assert steps == 99
