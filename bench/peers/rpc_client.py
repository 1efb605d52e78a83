"""The Python peer of the RPC benchmark: a closed loop of calls or casts on oslo.messaging.

Usage: rpc_client.py URL TOPIC [once]
Prints {"ready": true}. Then it reads one JSON object a line:
{"mode": "call"|"cast", "in_flight": N, "warm_up": S, "seconds": S, "bytes": B}
and for each prints {"started": true} when the measurement begins, and when it is over
{"done": N, "failed": N, "seconds": S, "p50_us": L, "p99_us": L, "error": TEXT|null}
With "once" it makes one call instead, prints {"answered": true} and ends.
"""

import json
import logging
import sys
import threading
import time

import oslo_messaging
from oslo_config import cfg

CONTEXT = {"request_id": "req-bench", "user_id": "u1", "project_id": "p1", "is_admin": True}

# After a failure, as the other client: a broken contestant shall not fill the time with failures.
PAUSE = 0.01


class Loop:
    """One thread's calls, counted between `begin` and `end`."""

    def __init__(self, send, value, times):
        self.send, self.value = send, value
        self.begin, self.end = times
        self.latencies, self.failed, self.error = [], 0, None

    def run(self):
        started = time.perf_counter()
        while started < self.end:
            error = None
            try:
                self.send(CONTEXT, "echo", value=self.value)
            except Exception as exception:
                error = str(exception)
                time.sleep(PAUSE)
            finished = time.perf_counter()
            if self.begin <= finished < self.end:
                if error is None:
                    self.latencies.append(finished - started)
                else:
                    self.failed += 1
                    self.error = self.error or error
            started = finished


def say(line):
    print(json.dumps(line), flush=True)


def run(client, order):
    send = client.call if order["mode"] == "call" else client.cast
    begin = time.perf_counter() + order["warm_up"]
    times = (begin, begin + order["seconds"])
    loops = [Loop(send, "x" * order["bytes"], times) for _ in range(order["in_flight"])]
    threads = [threading.Thread(target=loop.run) for loop in loops]
    for thread in threads:
        thread.start()
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
        "done": len(latencies),
        "failed": sum(loop.failed for loop in loops),
        "seconds": order["seconds"],
        "p50_us": quantile(0.5),
        "p99_us": quantile(0.99),
        "error": next((loop.error for loop in loops if loop.error), None),
    })


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
        run(client, json.loads(line))


if __name__ == "__main__":
    main()
