"""The Prometheus metrics of a server. Internal."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, exposition

RELOADS = ("loaded", "unchanged", "failed", "missing")
_LENGTHS = {0: "0", 10: "1-10", 100: "11-100", 1000: "101-1000"}  # the largest number of documents -> the label
_LONGER = "over 1000"
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LISTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SLOTS = tuple(2**k for k in range(4, 15))


def length_label(documents: int) -> str:
    """The label of a list of this many documents.

    >>> length_label(0), length_label(10), length_label(11), length_label(5000)
    ('0', '1-10', '11-100', 'over 1000')
    """
    return next((label for most, label in _LENGTHS.items() if documents <= most), _LONGER)


class Metrics:
    """The counters of one server, in their own registry.

    No label has a value that a client chooses, since a client could then make any number of series.

    >>> metrics = Metrics()
    >>> metrics.request(route="/rank", status=200, code="", seconds=0.02, documents=100)
    >>> line = 'plackett_rank_seconds_count{documents="11-100"} 1.0'
    >>> line in metrics.page(None)[0].decode()
    True
    """

    def __init__(self):
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = self._make(
            Counter, "requests", "Requests by route, status and code of error.", ["route", "status", "code"]
        )
        words = "From the header of a request to its answer, of lists that were ranked, by their number of documents."
        self._seconds = self._make(Histogram, "rank_seconds", words, ["documents"], buckets=_SECONDS)
        words = "How long a list waited for a run of the model."
        self._queue = self._make(Histogram, "queue_seconds", words, buckets=_SECONDS)
        self._lists = self._make(Histogram, "batch_lists", "Lists in a run of the model.", buckets=_LISTS)
        words = "Documents in a run of the model, padding included."
        self._slots = self._make(Histogram, "batch_documents", words, buckets=_SLOTS)
        self.in_flight = self._make(Gauge, "requests_in_flight", "Requests whose answer is not out.")
        self._queued = self._make(Gauge, "queued_lists", "Lists that wait for a run of the model.")
        words = "How reloads ended: loaded, unchanged (the same file), failed (the old model serves on), missing."
        self._reloads = self._make(Counter, "reloads", words, ["result"])
        words = "1 for the model that serves: the fingerprints of its file, its weights and its training data."
        self._model = self._make(Gauge, "model_info", words, ["file", "weights", "training_data", "plackett"])
        self._loaded = self._make(Gauge, "model_loaded_timestamp_seconds", "When that model came.")
        for result in RELOADS:
            self._reloads.labels(result)
        for label in (*_LENGTHS.values(), _LONGER):
            self._seconds.labels(label)

    def _make(self, kind, name, words, labels=(), **options):
        return kind(f"plackett_{name}", words, labels, registry=self._registry, **options)

    def request(self, *, route: str, status: int, code: str, seconds: float, documents: int | None) -> None:
        """Counts a request whose answer has been sent.

        Args:
            route: a route of the app, never text of a client.
            status: the status of the answer.
            code: the code of its error; "" if there is none.
            seconds: the time from its header to its answer.
            documents: the number of documents of its list, if it was ranked.
        """
        self._requests.labels(route, str(status), code).inc()
        if documents is not None:
            self._seconds.labels(length_label(documents)).observe(seconds)

    def batch(self, lists: int, slots: int) -> None:
        """Counts a run of the model on this many lists, and documents with their padding."""
        self._lists.observe(lists)
        self._slots.observe(slots)

    def waited(self, seconds: float) -> None:
        """Counts how long a list waited."""
        self._queue.observe(seconds)

    def watch_queue(self, length) -> None:
        """Reads the number of waiting lists from this function whenever the metrics are requested."""
        self._queued.set_function(length)

    def reload(self, result: str) -> None:
        """Counts the end of a reload, one of `RELOADS`."""
        self._reloads.labels(result).inc()

    def model(self, fingerprint: str, facts: Mapping) -> None:
        """Sets the model that serves from now on."""
        self._model.clear()
        words = (str(facts.get(key) or "") for key in ("model", "training_data", "plackett"))
        self._model.labels(fingerprint, *words).set(1)
        self._loaded.set_to_current_time()

    def page(self, accept: str | None) -> tuple[bytes, str]:
        """Returns the page for a scraper, and its content type, in the form that it asks for."""
        encode, content_type = exposition.choose_encoder(accept or "")
        return encode(self._registry), content_type
