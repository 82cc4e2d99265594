"""What one process publishes, others read: whole, and all by the same store."""

import multiprocessing
from datetime import UTC, datetime
from hashlib import sha256
from multiprocessing.connection import Connection

from service.http.keys.entry import MOST_KEYS, Entry
from service.http.keys.publication import Publication, Published


def keys_of(edition: int, count: int) -> list[Published]:
    roles = frozenset({"predict", "metrics", "admin"})
    expires = datetime(2027, 1, 1, tzinfo=UTC)
    return [
        Published(
            Entry(f"{'n' * 58}-{k}", sha256(b"%d %d" % (edition, k)).digest(), roles, expires, edition / 7),
            k,
            edition,
        )
        for k in range(count)
    ]


def test_what_is_published_is_read_as_it_was() -> None:
    publication = Publication()
    assert publication.read() == (0, [])
    for edition, count in ((1, MOST_KEYS), (2, 1), (3, 5)):
        publication.publish(keys_of(edition, count))
        assert publication.generation == edition
        assert publication.read() == (edition, keys_of(edition, count))


def test_what_is_half_written_is_not_read() -> None:
    publication = Publication()
    publication.publish(keys_of(1, 3))
    for place in (64, 100, 500):  # the one that is valid has the other half of the memory
        publication._memory.cells[place] ^= 1
    assert publication.read() == (1, keys_of(1, 3))
    publication.publish(keys_of(2, 3))
    publication._memory.cells[500] ^= 1
    assert publication.read() == (0, [])


def read_all(publication: Publication, told: Connection) -> None:
    """Read until the last edition; tell how many were seen, and those that were none."""
    seen, wrong = set(), 0
    while 500 not in seen:
        generation, keys = publication.read()
        wrong += keys != keys_of(generation, 50) if generation else 0
        seen.add(generation)
    told.send((len(seen), wrong))


def test_a_reader_beside_a_writer_sees_whole_editions_only() -> None:
    publication, context = Publication(), multiprocessing.get_context("spawn")
    receiver, end = context.Pipe(duplex=False)
    publication.publish(keys_of(1, 50))
    reader = context.Process(target=read_all, args=(publication, end))
    reader.start()
    editions = [keys_of(edition, 50) for edition in range(2, 501)]
    while reader.is_alive() and publication.generation < 500:
        publication.publish(editions[publication.generation - 1])
    seen, wrong = receiver.recv()
    reader.join()
    assert not wrong
    assert seen >= 1


def test_whether_the_file_is_valid_is_told() -> None:
    publication = Publication()
    assert not publication.file_valid
    publication.say_file_valid(True)
    assert publication.file_valid
