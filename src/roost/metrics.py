"""What is to be watched in operation (A13), in Prometheus' terms. docs/operations.md explains each.

The names live here, in one table; rooms that have something to tell import theirs.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram, Metric


class Tally(Counter):
    """A counter for what every message does, on one thread: add to `count`, which is told when somebody asks.

    `Counter.inc` takes a lock: some microsecond, of the 35 to 50 that a message takes.
    """

    count = 0
    _told = 0

    def collect(self) -> Iterable[Metric]:
        """The metric as it is now."""
        count = self.count
        self.inc(count - self._told)
        self._told = count
        return super().collect()


MESSAGES = Tally("roost_messages", "Messages committed")
DUPLICATES = Counter("roost_duplicates", "Sends answered with an earlier result")
DELIVERIES = Tally("roost_deliveries", "Entries offered to connected readers")
CONNECTIONS = Gauge("roost_connections", "Authenticated WebSocket connections")
NODES = Gauge("roost_nodes", "Nodes on the bus, this one included; 0 while it is away")
BUS_PUBLISHED = Counter("roost_bus_published", "Hints given to the bus")
BUS_RECEIVED = Counter("roost_bus_received", "Hints of other nodes")
BUS_DROPPED = Counter("roost_bus_dropped", "Hints that were dropped because the bus was away or too slow")
WATCH_FOUND = Counter("roost_watch_found", "Readers that had not been told how far their logs go")
SLOW_READERS = Counter("roost_slow_readers", "Times a reader left the fast lane because its socket was full")
COMMIT_SECONDS = Histogram(
    "roost_commit_seconds",
    "Time of one commit, fsync included",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5),
)
COMMIT_SIZE = Histogram(
    "roost_commit_size", "Pieces of work in one commit", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
)
WRITER_WAITING = Gauge("roost_writer_waiting", "Pieces of work that wait for the writer")
SYNC_PAGE_SECONDS = Histogram(
    "roost_sync_page_seconds",
    "Time to read one page of a log, from sql or redis",
    ["source"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5),
)
RECOVERY_SECONDS = Histogram(
    "roost_recovery_seconds",
    "Time to find out where a connection starts, from sql or redis",
    ["source"],
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5),
)
SYNC_PAGE_ENTRIES = Histogram(
    "roost_sync_page_entries", "Entries in one page", buckets=(0, 1, 10, 50, 100, 200, 500, 1000)
)
SYNC_DELAY_SECONDS = Histogram(
    "roost_sync_delay_seconds",
    "Age of the oldest entry a returning device had not stored, when it asked",
    buckets=(1, 10, 60, 600, 3600, 21600, 86400, 604800, 2592000),
)
POSITIONS_SAVED = Counter("roost_positions_saved", "Device positions written to the database")
HTTP_REQUESTS = Counter("roost_http_requests", "HTTP requests, and request frames", ["route", "status"])
MODERATED = Counter("roost_moderated", "Messages with a listed word: masked, rejected or flagged", ["action"])
WORD_LISTS_BROKEN = Gauge("roost_word_lists_broken", "Word lists whose file can't be used; their last good words stay")
SEARCH_BEHIND = Gauge("roost_search_behind", "Messages known not to be in the search index yet")
SEARCH_INDEXED = Counter("roost_search_indexed", "Messages put into the search index")
UPLOADS = Counter("roost_uploads", "Uploads that came to their end: kept, or why they were refused", ["outcome"])
UPLOADED = Counter("roost_uploaded_bytes", "Bytes of the files that were kept")
ATTACHMENTS_REMOVED = Counter("roost_attachments_removed", "Files removed because their time was over")
REFUSALS = Counter("roost_refusals", "Requests and frames refused", ["error"])
PUSHES = Counter(
    "roost_pushes", "Pushes with an outcome: sent, retry, dead, failed or dropped", ["platform", "outcome"]
)
PUSH_SECONDS = Histogram(
    "roost_push_seconds",
    "From the message to the push service's answer, of pushes that were sent",
    ["platform"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
WEBHOOKS = Counter("roost_webhooks", "Events sent to webhooks: sent, retry or failed", ["hook", "outcome"])
WEBHOOK_BACKLOG = Gauge("roost_webhook_backlog", "Events for webhooks without an outcome")
PUSH_BACKLOG = Gauge("roost_push_backlog", "Pushes without an outcome")
