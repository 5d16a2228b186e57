"""What was set up is left alone by the garbage collector; cycles made afterwards are still found."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from infra.collector import SELDOM, collect_seldom


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


class Knot:
    def __init__(self) -> None:
        self.itself = self


@pytest.mark.usefixtures("collector")
def test_what_is_there_is_left_alone_and_new_cycles_are_found() -> None:
    old = Knot()
    collect_seldom()
    assert gc.get_threshold() == SELDOM
    assert gc.get_freeze_count() > 0
    new = Knot()
    gone, kept = weakref.ref(new), weakref.ref(old)
    del new, old
    gc.collect()
    assert gone() is None
    assert kept() is not None
