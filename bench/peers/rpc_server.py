"""The Python peer of the RPC benchmark: echo servers on oslo.messaging.

Usage: rpc_server.py URL TOPIC THREADS [SERVERS]
Prints {"ready": true} when it serves, and serves until its standard input ends. For each line of
input it prints what it has received of `stamp` so far, and how long that had been under way: {"received": N, "p50_us": L, "p99_us": L}
"""

import json
import logging
import sys
import time

import oslo_messaging
from oslo_config import cfg


class Echo:
    target = oslo_messaging.Target(version="1.0")

    def __init__(self):
        self.ways = []

    def echo(self, ctxt, value):
        return value

    def stamp(self, ctxt, sent_us, value):
        self.ways.append(time.time() * 1e6 - sent_us)

    def look(self):
        ways = sorted(self.ways)

        def quantile(part):
            return ways[min(len(ways) - 1, int(len(ways) * part))] if ways else 0.0

        return {"received": len(ways), "p50_us": quantile(0.5), "p99_us": quantile(0.99)}


def main():
    # Above 30 threads the library warns that its pool of connections grows.
    logging.disable(logging.WARNING)
    url, topic, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    conf = cfg.CONF
    conf([], project="bench")
    transport = oslo_messaging.get_rpc_transport(conf, url)
    echo = Echo()
    servers = []
    for number in range(count):
        target = oslo_messaging.Target(topic=topic, server=f"python-{number}")
        server = oslo_messaging.get_rpc_server(transport, target, [echo], executor="threading")
        server.start(override_pool_size=threads)
        servers.append(server)
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        print(json.dumps(echo.look()), flush=True)
    for server in servers:
        server.stop()
    for server in servers:
        server.wait()


if __name__ == "__main__":
    main()
