from __future__ import annotations

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from b2m_drive.recordings import fetching


class CountingHandler(SimpleHTTPRequestHandler):
    served: list[str] = []  # noqa: RUF012
    refusals: list[int] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.served.append(self.path)
        if self.refusals:
            self.send_error(self.refusals.pop())
        else:
            super().do_GET()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    published = tmp_path / "published"
    published.mkdir()
    (published / "a.h5").write_bytes(b"spikes of a")
    digest = hashlib.sha256(b"spikes of a").hexdigest()
    monkeypatch.setattr(fetching, "kornblith_hashes", lambda: {"a.h5": digest})
    monkeypatch.setattr(fetching, "_RETRIES", 0)
    CountingHandler.served.clear()
    CountingHandler.refusals.clear()
    handler = partial(CountingHandler, directory=str(published))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}/", published
        http.shutdown()
        thread.join()


def test_a_file_is_fetched_once(tmp_path, server) -> None:
    url, _ = server
    (path,) = fetching.fetch_kornblith2017(tmp_path / "here", base_url=url)
    assert path.read_bytes() == b"spikes of a"
    fetching.fetch_kornblith2017(tmp_path / "here", ["a"], base_url=url)
    assert CountingHandler.served == ["/a.h5"]


def test_a_file_cut_short_here_is_fetched_anew(tmp_path, server) -> None:
    url, _ = server
    (tmp_path / "a.h5").write_bytes(b"spikes")
    (path,) = fetching.fetch_kornblith2017(tmp_path, base_url=url)
    assert path.read_bytes() == b"spikes of a"


@pytest.mark.slow
def test_a_server_that_fails_once_is_asked_again(tmp_path, server, monkeypatch) -> None:
    url, _ = server
    monkeypatch.setattr(fetching, "_RETRIES", 1)
    CountingHandler.refusals.append(503)
    (path,) = fetching.fetch_kornblith2017(tmp_path / "here", base_url=url)
    assert path.read_bytes() == b"spikes of a"
    assert CountingHandler.served == ["/a.h5", "/a.h5"]


def test_no_sessions_asked_for_fetches_none(tmp_path, server) -> None:
    url, _ = server
    assert fetching.fetch_kornblith2017(tmp_path / "here", [], base_url=url) == []
    assert CountingHandler.served == []


def test_a_wrong_file_is_refused_and_not_kept(tmp_path, server) -> None:
    url, published = server
    (published / "a.h5").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"a\.h5: expected the published file"):
        fetching.fetch_kornblith2017(tmp_path / "here", base_url=url)
    assert not list((tmp_path / "here").iterdir())


def test_an_unknown_session_and_a_missing_server_are_named(tmp_path, server) -> None:
    url, _ = server
    with pytest.raises(ValueError, match=r"expected one such as \['a\.h5'\], came 'b'"):
        fetching.fetch_kornblith2017(tmp_path, ["b"], base_url=url)
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1:9/a\.h5 cannot be reached"):
        fetching.fetch_kornblith2017(tmp_path, base_url="http://127.0.0.1:9/")


def test_the_published_hashes_are_whole() -> None:
    hashes = fetching.kornblith_hashes()
    assert len(hashes) == 40
    assert all(len(digest) == 64 for digest in hashes.values())
