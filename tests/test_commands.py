"""Commands reach the thread that takes them, and are carried out in place where there is none."""

import threading

from tuimon.commands import Commands


def test_before_a_thread_takes_them_they_are_carried_out_at_once():
    commands, done = Commands(), []
    commands.give(lambda: done.append(threading.current_thread()))
    assert done == [threading.current_thread()]
    assert not commands.are_taken


def test_a_thread_carries_them_out_in_order_and_who_waits_is_told():
    commands, done, stop = Commands(), [], threading.Event()
    ready = threading.Event()

    def loop():
        commands.take_from_now(lambda: done.append("first"))
        ready.set()
        while not stop.wait(0.001):
            commands.run()

    thread = threading.Thread(target=loop)
    thread.start()
    ready.wait()
    commands.give(lambda: done.append("second"), wait=False)
    commands.give(lambda: done.append(threading.current_thread()))
    assert done == ["first", "second", thread]
    stop.set()
    thread.join()
    commands.give(lambda: done.append("alone"))
    assert done[-1] == "alone"


def test_who_waits_for_a_thread_that_ends_does_it_himself():
    commands, done, ending = Commands(), [], threading.Event()
    ready = threading.Event()

    def take_and_end():
        commands.take_from_now(lambda: None)
        ready.set()
        ending.wait()

    thread = threading.Thread(target=take_and_end)
    thread.start()
    ready.wait()
    timer = threading.Timer(0.1, ending.set)
    timer.start()
    commands.give(lambda: done.append(threading.current_thread()))
    assert done == [threading.current_thread()]
    thread.join()


def test_a_thread_that_waits_for_something_else_is_called():
    called, done, stop = threading.Event(), [], threading.Event()
    commands, ready = Commands(called.set), threading.Event()

    def loop():
        commands.take_from_now(ready.set)
        while not stop.is_set():
            called.wait()
            called.clear()
            done.append(commands.run())

    thread = threading.Thread(target=loop)
    thread.start()
    ready.wait()
    commands.give(lambda: done.append("it"))
    stop.set()
    called.set()
    thread.join()
    assert done[:2] == ["it", True]
    assert not commands.run()
