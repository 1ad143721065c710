"""The generations of web processes, as seen by their master and by themselves."""

import os

from callboard.ops.servers.generations import Generations


def test_a_generation_is_replaced_only_once_a_newer_one_serves() -> None:
    generations = Generations()
    first = generations.generation
    generations.serve(first)

    generations.begin_generation()
    begun = (generations.has_successor(first), generations.is_succeeded(first))
    generations.serve(generations.generation)
    served = (generations.has_successor(first), generations.is_succeeded(first))

    assert begun == (True, False)
    assert served == (True, True)


def test_a_late_process_of_an_older_generation_changes_nothing() -> None:
    generations = Generations()
    generations.begin_generation()
    generations.serve(1)

    generations.serve(0)

    assert generations.is_succeeded(0)


def test_a_generation_replaced_during_its_start_does_not_stop_the_older_one() -> None:
    generations = Generations()
    generations.begin_generation()
    replaced = generations.generation
    generations.begin_generation()

    generations.start(replaced, staying=False)
    meanwhile = generations.is_succeeded(0)
    generations.start(generations.generation, staying=True)

    assert not meanwhile
    assert generations.is_succeeded(0)


def test_a_generation_stopped_during_its_start_is_not_awaited() -> None:
    generations = Generations()
    generations.begin_generation()

    generations.start(generations.generation, staying=False)

    assert generations.is_succeeded(0)


def test_a_forked_processs_report_is_seen_by_the_others() -> None:
    generations = Generations()
    generations.begin_generation()

    child = os.fork()
    if child == 0:
        generations.serve(1)
        os._exit(0)
    os.waitpid(child, 0)

    assert generations.is_succeeded(0)
