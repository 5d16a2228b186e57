"""The one patch of a library (decision S26): it stands on a source that has not changed since."""

import hashlib
import inspect

import aiokafka
import faust
from aiokafka.consumer import fetcher

from streams.batch_records import BatchRecords, install

#: What streams/batch_records.py was written against; read it again before changing this.
SOURCE_DIGEST = "94aa0da0dbec8d1bfcd1aacc64ac405c95c4918b55143e74dcf7f2dab785567f"


def original() -> type:
    found = fetcher.PartitionRecords
    return found if found is not BatchRecords else BatchRecords.__mro__[1]


def test_the_replaced_class_is_the_one_we_know() -> None:
    digest = hashlib.sha256(inspect.getsource(original()).encode()).hexdigest()
    assert digest == SOURCE_DIGEST, f"aiokafka {aiokafka.__version__} changed PartitionRecords"


def test_versions_are_the_pinned_ones() -> None:
    assert (aiokafka.__version__, faust.__version__) == ("0.14.0", "0.15.3")


def test_other_topics_are_left_alone() -> None:
    install({"ours"}, 10)
    records = BatchRecords.__new__(BatchRecords)
    records._tp = type("TP", (), {"topic": "theirs"})()
    records._records = type("None_", (), {"has_next": lambda self: False})()
    assert list(records._unpack_records()) == []
