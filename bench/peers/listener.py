"""The Python peer of the benchmark of notifications: listeners that handle what waits for them.

Usage: listener.py URL TOPIC
Prints {"ready": true}. Then it reads one JSON object a line: {"mode": "single"|"batch", "events": N},
listens with the threading executor, prints {"started": true} at the first event, and when it has
handled N {"done": N, "failed": 0, "seconds": S, "p50_us": 0, "p99_us": 0, "error": null}.
"""

import json
import logging
import sys
import threading
import time

import oslo_messaging
from oslo_config import cfg

BATCH_SIZE = 100
BATCH_TIMEOUT = 1


class Endpoint:
    def __init__(self, wanted):
        self.wanted, self.handled = wanted, 0
        self.lock, self.done = threading.Lock(), threading.Event()

    def count(self, events):
        with self.lock:
            if self.handled == 0:
                self.begin = time.perf_counter()
                say({"started": True})
            self.handled += events
            if self.handled >= self.wanted and not self.done.is_set():
                self.seconds = time.perf_counter() - self.begin
                self.done.set()


class Single(Endpoint):
    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        assert payload["state"] == "active"
        self.count(1)


class Batch(Endpoint):
    def info(self, messages):
        assert all(message["payload"]["state"] == "active" for message in messages)
        self.count(len(messages))


def say(line):
    print(json.dumps(line), flush=True)


def main():
    logging.disable(logging.WARNING)
    url, topic = sys.argv[1], sys.argv[2]
    conf = cfg.CONF
    conf([], project="bench")
    transport = oslo_messaging.get_notification_transport(conf, url)
    targets = [oslo_messaging.Target(topic=topic)]
    say({"ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        if order["mode"] == "batch":
            endpoint = Batch(order["events"])
            listener = oslo_messaging.get_batch_notification_listener(
                transport, targets, [endpoint], executor="threading",
                batch_size=BATCH_SIZE, batch_timeout=BATCH_TIMEOUT)
        else:
            endpoint = Single(order["events"])
            listener = oslo_messaging.get_notification_listener(
                transport, targets, [endpoint], executor="threading")
        listener.start()
        endpoint.done.wait()
        say({"done": endpoint.handled, "failed": 0, "seconds": endpoint.seconds,
             "p50_us": 0, "p99_us": 0, "error": None})
        listener.stop()
        listener.wait()


if __name__ == "__main__":
    main()
