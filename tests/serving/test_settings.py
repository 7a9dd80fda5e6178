"""Settings reach what they are of."""

import pytest
from small_rankers import write_ranker

from plackett.serving import ServeSettings, _server, make_app


@pytest.mark.parametrize("seconds, whole", [(0.2, 1), (1.5, 2), (3.0, 3)])
def test_a_server_waits_at_its_end_for_no_less_than_it_is_told_to(tmp_path, monkeypatch, seconds, whole):
    monkeypatch.setattr(_server, "take_over", lambda log: None)  # which would stay
    settings = ServeSettings(shutdown_seconds=seconds)
    app = make_app(write_ranker(tmp_path / "ranker.onnx"), settings)
    server = _server._make_server(app, settings, _server._make_reloader(app, tmp_path, settings, None, _server.Wish()))
    assert server.config.timeout_graceful_shutdown == whole
