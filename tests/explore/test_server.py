"""The server: whom it answers, and what."""

import base64
import http.client
import json
import math
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from lossary.explore.drawable import DrawError
from lossary.explore.grids import CURVE_POINTS
from lossary.explore.page import gather
from lossary.explore.server import HOST, Pictures, PictureServer, serve


@pytest.fixture(scope="module")
def server() -> Iterator[PictureServer]:
    pictures = Pictures(gather(["huber_loss", "focal_loss", "taylor_cross_entropy", "giou_loss"]))
    with PictureServer(pictures, "<p>the page</p>") as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def ask(
    server: PictureServer, path: str, method: str = "GET", host: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(HOST, server.server_port, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"{HOST}:{server.server_port}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


def grid(server: PictureServer, query: str) -> tuple[int, dict[str, Any]]:
    status, _, body = ask(server, f"/grid?{query}")
    return status, json.loads(body)


def test_it_listens_on_this_machine_alone(server: PictureServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.server_port}/"


def test_it_serves_the_page(server: PictureServer) -> None:
    status, headers, body = ask(server, "/")
    assert status == 200
    assert body == b"<p>the page</p>"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert ask(server, "/", host=f"localhost:{server.server_port}")[0] == 200


def test_a_curve_is_computed_at_any_number(server: PictureServer) -> None:
    status, found = grid(server, "loss=huber_loss&kind=curve&delta=2.345")
    assert status == 200
    packed = bytearray(base64.b64decode(found["grid"]))
    value, slope = torch.frombuffer(packed, dtype=torch.float32).reshape(2, CURVE_POINTS)
    assert value[-1].item() == pytest.approx(2.345 * (4 - 2.345 / 2))
    assert slope[-1].item() == pytest.approx(2.345)


def test_a_surface_is_computed(server: PictureServer) -> None:
    status, found = grid(server, "loss=focal_loss&kind=surface&gamma=0.37")
    assert status == 200
    # Lin et al. 2017, eq. 4, at the surest point: logits of 4, -4 and 0
    sure = math.exp(4) / (math.exp(4) + math.exp(-4) + 1)
    assert found["grid"]["low"] == pytest.approx(-((1 - sure) ** 0.37) * math.log(sure), rel=1e-4)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("loss=mse_loss&kind=curve", "no loss 'mse_loss' on this page"),
        ("loss=os%3Asystem&kind=curve", "no loss 'os:system'"),
        ("kind=curve", "no loss ''"),
        ("loss=huber_loss&kind=film", "kind must be one of curve, surface, got 'film'"),
        ("loss=huber_loss&kind=curve&gamma=1", "no slider 'gamma'; it has delta"),
        ("loss=focal_loss&kind=curve&ignore_index=1", "no slider 'ignore_index'"),
        ("loss=huber_loss&kind=curve&delta=two", "delta must be a number, got 'two'"),
        ("loss=huber_loss&kind=curve&delta=__import__('os')", "must be a number"),
        ("loss=huber_loss&kind=curve&delta=-1", "delta must lie in (0, inf), got -1"),
        ("loss=huber_loss&kind=curve&delta=nan", "delta must lie in"),
        ("loss=huber_loss&kind=curve&delta=inf", "delta must lie in"),
        ("loss=taylor_cross_entropy&kind=curve&terms=1.5", "terms must be a whole number"),
        ("loss=huber_loss&kind=curve&delta=1&delta=2", "given twice"),
        ("&".join(f"a{i}=1" for i in range(20)), "cannot be read"),
        ("loss", "cannot be read"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_wrong(
    server: PictureServer, query: str, message: str
) -> None:
    status, found = grid(server, query)
    assert status == 400
    assert message in found["error"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1"])
def test_another_host_name_is_refused(server: PictureServer, host: str) -> None:
    """A foreign page whose name was made to point here sends its own name."""
    status, _, body = ask(server, "/grid?loss=huber_loss&kind=curve", host=host)
    assert status == 403
    assert json.loads(body) == {"error": "wrong Host header"}


def test_other_places_and_methods_are_refused(server: PictureServer) -> None:
    assert ask(server, "/../pyproject.toml")[0] == 404
    assert ask(server, "/", method="POST")[0] == 501
    assert ask(server, "/grid?" + "a" * 5000)[0] == 414


def test_a_taken_port_is_said(server: PictureServer) -> None:
    pytest.importorskip("jinja2", reason="of the extra compare")
    for port in (server.server_port, 99999):
        with pytest.raises(DrawError, match=f"cannot listen on port {port}"):
            serve(["l1_loss"], port)
