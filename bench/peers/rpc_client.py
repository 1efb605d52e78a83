"""The Python peer of the RPC benchmark: closed or open loops of calls or casts on oslo.messaging.

Usage: rpc_client.py URL TOPIC [once]
Prints {"ready": true}. Then it reads one JSON object a line:
{"mode": "call"|"cast"|"fanout", "in_flight": N, "warm_up": S, "seconds": S, "bytes": B, "rate": R}
where a rate makes it an open loop: so many are due in a second, served by at most 64 threads,
and for each prints {"started": true} when the measurement begins, and when it is over
{"done": N, "failed": N, "seconds": S, "p50_us": L, "p99_us": L, "p999_us": L, "error": TEXT|null}
With "once" it makes one call instead, prints {"answered": true} and ends.
"""

import json
import logging
import queue
import sys
import threading
import time

import oslo_messaging
from oslo_config import cfg

CONTEXT = {"request_id": "req-bench", "user_id": "u1", "project_id": "p1", "is_admin": True}

# After a failure, as the other client: a broken contestant shall not fill the time with failures.
PAUSE = 0.01


# Threads of an open loop, and how long it waits for answers when no more calls are due.
OPEN_THREADS = 64
GRACE = 2.0


class Loop:
    """One thread's calls, counted between `begin` and `end`."""

    def __init__(self, send, value, times):
        self.send, self.value = send, value
        self.begin, self.end = times
        self.latencies, self.done, self.failed, self.error = [], 0, 0, None

    def run(self):
        started = time.perf_counter()
        while started < self.end:
            finished = self.one(started)
            self.count(finished, self.begin <= finished < self.end)
            started = finished

    def run_due(self, dues):
        """Calls when they are due, each timed from then; those that are too late are failures."""
        while (due := dues.get()) is not None:
            if time.perf_counter() > self.end + GRACE:
                self.problem, finished = "no answer in time", due + GRACE
            else:
                finished = self.one(due)
            self.count(finished, self.begin <= due)

    def one(self, started):
        self.started, self.problem = started, None
        try:
            self.send(self.value)
        except Exception as exception:
            self.problem = str(exception)
            time.sleep(PAUSE)
        return time.perf_counter()

    def count(self, finished, measured):
        if self.problem is None:
            self.done += self.begin <= finished < self.end
            if measured:
                self.latencies.append(finished - self.started)
        elif measured:
            self.failed += 1
            self.error = self.error or self.problem


def say(line):
    print(json.dumps(line), flush=True)


def sender(client, mode):
    if mode == "fanout":
        fanout = client.prepare(fanout=True)
        return lambda value: fanout.cast(
            CONTEXT, "stamp", sent_us=int(time.time() * 1e6), value=value)
    send = client.call if mode == "call" else client.cast
    return lambda value: send(CONTEXT, "echo", value=value)


def run(send, order):
    begin = time.perf_counter() + order["warm_up"]
    times = (begin, begin + order["seconds"])
    rate = order.get("rate")
    count = OPEN_THREADS if rate else order["in_flight"]
    value = "x" * order["bytes"]
    loops = [Loop(send, value, times) for _ in range(count)]
    dues = queue.SimpleQueue()
    work = (lambda loop: loop.run_due(dues)) if rate else (lambda loop: loop.run())
    threads = [threading.Thread(target=work, args=(loop,)) for loop in loops]
    for thread in threads:
        thread.start()
    if rate:
        pace(dues, rate, times, order["warm_up"])
        for _ in threads:
            dues.put(None)
    else:
        time.sleep(max(0.0, begin - time.perf_counter()))
        say({"started": True})
    for thread in threads:
        thread.join()
    latencies = sorted(latency for loop in loops for latency in loop.latencies)

    def quantile(part):
        if not latencies:
            return 0.0
        return latencies[min(len(latencies) - 1, int(len(latencies) * part))] * 1e6

    say({
        "done": sum(loop.done for loop in loops),
        "failed": sum(loop.failed for loop in loops),
        "seconds": order["seconds"],
        "p50_us": quantile(0.5),
        "p99_us": quantile(0.99),
        "p999_us": quantile(0.999),
        "error": next((loop.error for loop in loops if loop.error), None),
    })


def pace(dues, rate, times, warm_up):
    begin, end = times
    first, number, started = begin - warm_up, 0, False
    while (due := first + number / rate) < end:
        time.sleep(max(0.0, due - time.perf_counter()))
        if not started and due >= begin:
            say({"started": True})
            started = True
        dues.put(due)
        number += 1
    if not started:
        say({"started": True})


def main():
    # Above 30 threads the library warns at each call that its pool of connections grows.
    logging.disable(logging.WARNING)
    url, topic = sys.argv[1], sys.argv[2]
    conf = cfg.CONF
    conf([], project="bench")
    transport = oslo_messaging.get_rpc_transport(conf, url)
    target = oslo_messaging.Target(topic=topic, version="1.0")
    client = oslo_messaging.get_rpc_client(transport, target, timeout=60)
    if sys.argv[3:] == ["once"]:
        client.call(CONTEXT, "echo", value="x")
        say({"answered": True})
        return
    say({"ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        run(sender(client, order["mode"]), order)


if __name__ == "__main__":
    main()
