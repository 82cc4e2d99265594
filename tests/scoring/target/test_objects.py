"""Results in object stores: uploads, conditions, locks and keys, against an S3 server."""

import pickle
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import pyarrow as pa
import pytest
from waiting import wait_until

from pricerange.errors import MissingExtraError, TargetError
from pricerange.tables.source import uri
from scoring.errors import BusyError, LockLostError
from scoring.target import bucket as bucket_module
from scoring.target import connection, lease
from scoring.target.out import place_of


@pytest.fixture
def place(s3, key):
    return place_of(s3.uri(key), 20.0)


@pytest.fixture
def small_pieces(monkeypatch):
    """The smallest pieces that S3 takes, so that a few are several."""
    monkeypatch.setattr(bucket_module, "PIECE_BYTES", 5 << 20)


@pytest.fixture
def recorder():
    """Lend a server that notes what it is asked, and gives every request the same answer."""

    class Answer(BaseHTTPRequestHandler):
        def do_PUT(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.server.asked.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(self.server.status)
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_DELETE = do_PUT  # noqa: N815

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        server.asked, server.status = [], 200
        serving = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        serving.start()
        yield server
        server.shutdown()


# files


def test_an_object_of_several_pieces_appears_at_the_end_and_as_a_whole(s3, key, place, small_pieces):
    content = bytes(range(256)) * (12 << 12)
    with place.staged() as (draft,):
        file = draft.open()
        for start in range(0, len(content), 1 << 20):
            file.write(pa.py_buffer(content[start : start + (1 << 20)]))
        file.close()
        assert draft.size == len(content)
        assert s3.keys(key) == []
        assert key in s3.unfinished()
    assert s3.get(key) == content
    assert key not in s3.unfinished()


def test_an_error_leaves_what_was_there_and_no_pieces(s3, key, place, small_pieces):
    s3.put(key, b"older")

    def write() -> None:
        with place.staged() as (draft,), draft.open() as file:
            file.write(bytes(12 << 20))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert s3.get(key) == b"older"
    assert key not in s3.unfinished()


def test_a_place_before_another_appears_first_and_goes_where_nothing_was_written(s3, key, place):
    other = place.beside(".rejected")
    s3.put(f"{key}.rejected", b"older")
    with place.staged(other) as (_, draft):
        draft.open().write(b"new")
    assert s3.keys(key) == [key]
    assert s3.get(key) == b"new"


def test_an_object_that_would_be_too_long_is_refused(monkeypatch, s3, key, place):
    monkeypatch.setattr(bucket_module, "_MOST_BYTES", 1000)
    with place.staged() as (draft,):
        draft.open().write(bytes(1000))
    with (
        pytest.raises(TargetError, match=r"an object has at most .* GiB; use a folder as OUT"),
        place.beside("2").staged() as (draft,),
    ):
        draft.open().write(bytes(1001))
    assert s3.keys(key) == [key]


def test_an_object_that_turns_out_too_long_leaves_no_pieces(monkeypatch, s3, key, place, small_pieces):
    monkeypatch.setattr(bucket_module, "_MOST_BYTES", 11 << 20)

    def write() -> None:
        with place.staged() as (draft,):
            file = draft.open()
            for _ in range(12):
                file.write(bytes(1 << 20))

    with pytest.raises(TargetError, match="use a folder as OUT"):
        write()
    assert s3.keys(key) == []
    assert key not in s3.unfinished()


def test_a_store_that_refuses_a_piece_is_said_and_not_asked_for_long(s3, key, place, small_pieces):
    began = time.monotonic()

    def write() -> None:
        with place.staged() as (draft,):
            file = draft.open()
            file.write(bytes(6 << 20))
            s3.check_keys()
            for _ in range(24):
                file.write(bytes(1 << 20))

    try:
        with pytest.raises(TargetError, match="does not exist in our records"):
            write()
    finally:
        s3.check_keys(False)
    assert s3.keys(key) == []
    assert time.monotonic() - began < place.seconds


@pytest.mark.parametrize("name", ["b#1 ü;%5B.csv", "a%20b", "%3Fx*.csv", "'\"<&>", "100%25"])
def test_a_key_is_that_by_which_pyarrow_reads(s3, key, name):
    named = s3.uri(f"{key}/{name}")
    place_of(named, 20.0).write(b"x")
    assert uri.file_system(named, 20.0).open_input_file(uri.Uri.of(named).path).read() == b"x"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("s3://shop/a//b.csv", "s3://shop/a//b.csv cannot be written: a part of its key is empty"),
        ("s3://shop//b.csv", "a part of its key is empty"),
        ("s3://shop/../b.csv", "a part of its key is empty, `.` or `..`"),
        ("s3://shop/a%0Ab.csv", "or cannot be printed"),
        ("s3://shop", "it has no name"),
        ("s3://shop/", "it has no name"),
        ("gs://me@shop/a", "anonymous"),
        ("s3://shop/" + "x" * 1000, "its key has 1000 bytes, expected at most 924"),
        ("s3://key:secret@shop/a?rogion=b", "the query has 'rogion=b', expected region"),
        ("abfss://a@b/c", "expected a URI that begins with file://, s3:// or gs://"),
    ],
)
def test_a_place_that_no_object_can_have_is_refused(target, message):
    with pytest.raises(TargetError, match=re.escape(message)) as refused:
        place_of(target, 1.0)
    assert "secret" not in str(refused.value)


def test_a_place_does_not_show_its_key_and_can_be_sent(place):
    assert "secret" not in f"{place!s} {place!r}"
    assert pickle.loads(pickle.dumps(place)) == place


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scoring.target.object_place", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pricerange\[objects\]'"):
        place_of("s3://shop/a", 1.0)


# logs


def test_a_log_has_the_lines_in_the_order_in_which_they_were_added(s3, key, place):
    log = (place / "_manifest.jsonl").log()
    assert log.read() is None
    log.begin(b"begun\n")
    for number in range(12):
        log.append(b"%d\n" % number)
    again = (place / "_manifest.jsonl").log()
    whole = b"begun\n" + b"".join(b"%d\n" % number for number in range(12))
    assert again.read() == whole
    again.append(b"more\n")
    assert (place / "_manifest.jsonl").log().read() == whole + b"more\n"
    assert all(name.startswith(f"{key}/_manifest") for name in s3.keys(key))


def test_two_that_write_one_log_do_not_write_over_each_other(place):
    first, second = ((place / "_manifest.jsonl").log() for _ in range(2))
    for log in (first, second):
        assert log.read() is None
    first.begin(b"begun\n")
    with pytest.raises(TargetError, match="another run has written it in the meantime"):
        second.begin(b"of another\n")
    second.read()
    first.append(b"1\n")
    first.append(b"1\n")
    with pytest.raises(TargetError, match="another run has written it in the meantime"):
        second.append(b"2\n")
    assert first.read() == b"begun\n1\n1\n"


# locks


def test_of_many_that_take_a_lock_at_once_one_gets_it(place, quick_renewal):
    everyone_is_there = threading.Barrier(4)
    over = threading.Event()

    def take(_: int) -> bool:
        everyone_is_there.wait()
        try:
            with place.locked():
                over.wait(20)
                return True
        except BusyError:
            return False

    with ThreadPoolExecutor(4) as pool:
        taking = [pool.submit(take, number) for number in range(4)]
        wait_until(lambda: sum(each.done() for each in taking) == 3)
        over.set()
        assert sorted(each.result() for each in taking) == [False, False, False, True]


def test_a_lock_is_beside_its_place_and_goes_with_its_run(s3, key, place, quick_renewal):
    with place.locked() as held:
        held()
        (lock,) = s3.keys(key.removesuffix("out"))
        assert lock == key.removesuffix("out") + ".lock-out"
        assert b"secret" not in s3.get(lock)
    assert s3.keys(key.removesuffix("out")) == []


def test_a_lock_that_no_one_renews_is_taken(s3, key, place, short_lease):
    lock = key.removesuffix("out") + ".lock-out"
    s3.put(lock, b"of a run that was killed")
    with place.locked() as held:
        renewed = s3.get(lock)
        wait_until(lambda: s3.get(lock) != renewed)
        held()
    assert s3.keys(lock) == []


def test_a_run_whose_lock_was_taken_stops_and_leaves_it(s3, key, place, quick_renewal):
    lock = key.removesuffix("out") + ".lock-out"
    with place.locked() as held:
        s3.put(lock, b"of another run")

        def is_lost() -> bool:
            try:
                held()
            except LockLostError as error:
                return "may be written by another run" in str(error)
            return False

        wait_until(is_lost)
    assert s3.get(lock) == b"of another run"


def test_a_run_that_cannot_renew_its_lock_stops_before_another_takes_it(
    s3, key, place, short_lease, monkeypatch
):
    lock = key.removesuffix("out") + ".lock-out"
    with place.locked() as held:
        monkeypatch.setattr(lease, "LEASE_SECONDS", 0.3)
        first = s3.get(lock)
        wait_until(lambda: s3.get(lock) != first)
        s3.pause()
        try:
            with pytest.raises(LockLostError):
                wait_until(lambda: held())  # noqa: PLW0108
        finally:
            s3.go_on()


def test_a_renewal_whose_answer_was_lost_is_none_by_another(s3, key, place, quick_renewal):
    lock = key.removesuffix("out") + ".lock-out"
    with place.locked() as held:
        unheard = s3.get(lock) + b"\n"
        s3.put(lock, unheard)
        wait_until(lambda: s3.get(lock) != unheard)
        held()


def test_a_store_that_takes_no_condition_is_refused(recorder):
    target = f"s3://key:secret@shop/out?endpoint_override=127.0.0.1:{recorder.server_port}&scheme=http"
    with (
        pytest.raises(TargetError, match=r"If-None-Match.*two runs could write"),
        place_of(target, 5.0).locked(),
    ):
        pytest.fail("it was locked")
    assert recorder.asked[0]["if-none-match"] == "*"


def test_a_google_bucket_is_asked_under_its_own_condition(recorder):
    recorder.status = 412
    target = f"gs://anonymous@shop/out?endpoint_override=127.0.0.1:{recorder.server_port}&scheme=http"
    log = (place_of(target, 5.0) / "x").log()
    assert log._bucket.create("out/x", b"1") is None
    assert recorder.asked[0]["x-goog-if-generation-match"] == "0"


# keys


def test_a_key_comes_from_the_uri_the_environment_or_a_file(s3, key, monkeypatch, tmp_path):
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    user = s3.user("s3:*")
    known, secret = (part.replace("%2F", "/").replace("%2B", "+") for part in user.split(":"))
    anonymous = s3.uri(key).replace("key:secret@", "")
    keys = f"aws_access_key_id = {known}\naws_secret_access_key = {secret}\n"
    s3.check_keys()
    try:
        monkeypatch.setenv("AWS_SESSION_TOKEN", "of another key")
        place_of(s3.uri(key, user), 20.0).write(b"1")
        monkeypatch.delenv("AWS_SESSION_TOKEN")
        (tmp_path / ".aws" / "credentials").write_text(f"[default]\n{keys}")
        place_of(anonymous, 20.0).write(b"2")
        (tmp_path / ".aws" / "credentials").unlink()
        (tmp_path / ".aws" / "config").write_text(f"[profile mine]\n{keys}")
        monkeypatch.setenv("AWS_PROFILE", "mine")
        connection.connected.cache_clear()
        place_of(anonymous, 20.0).write(b"3")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", known)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        connection.connected.cache_clear()
        with pytest.raises(TargetError, match="SignatureDoesNotMatch"):
            place_of(anonymous, 20.0).write(b"4")
    finally:
        s3.check_keys(False)
    assert s3.get(key) == b"3"


@pytest.mark.parametrize(
    ("named", "variable", "endpoint"),
    [
        ("s3://k:s@shop/a?endpoint_override=h:1", None, "https://h:1"),
        ("s3://k:s@shop/a?endpoint_override=h:1&scheme=http", "http://e:2", "http://h:1"),
        ("s3://k:s@shop/a", "http://e:2", "http://e:2"),
        ("s3://k:s@shop/a?scheme=http", "e:2", "http://e:2"),
        ("s3://k:s@shop/a?scheme=http&region=there", None, "http://s3.there.amazonaws.com"),
        ("s3://k:s@shop/a?region=there", None, None),
        ("gs://anonymous@shop/a?endpoint_override=h:1&scheme=http&project_id=p", None, "http://h:1"),
    ],
)
def test_a_store_is_the_one_that_a_table_would_be_read_from(monkeypatch, named, variable, endpoint):
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    if variable:
        monkeypatch.setenv("AWS_ENDPOINT_URL", variable)
    connection.connected.cache_clear()
    store = connection.connected(named, 4.0)
    assert store.config.get("endpoint", store.config.get("base_url")) == endpoint
    assert "s" not in {store.config.get("secret_access_key"), store.config.get("aws_secret_access_key")}


def test_certificates_that_are_not_there_are_said():
    place = place_of("s3://k:s@shop/a?endpoint_override=127.0.0.1:1&tls_ca_file_path=/gone.pem", 1.0)
    with pytest.raises(TargetError, match=r"/gone\.pem cannot be read: No such file"):
        place.write(b"")
