"""The Python peer of the RPC benchmark: an echo server on oslo.messaging.

Usage: rpc_server.py URL TOPIC THREADS
Prints {"ready": true} when it serves, and serves until its standard input ends.
"""

import json
import logging
import sys

import oslo_messaging
from oslo_config import cfg


class Echo:
    target = oslo_messaging.Target(version="1.0")

    def echo(self, ctxt, value):
        return value


def main():
    # Above 30 threads the library warns that its pool of connections grows.
    logging.disable(logging.WARNING)
    url, topic, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    conf = cfg.CONF
    conf([], project="bench")
    transport = oslo_messaging.get_rpc_transport(conf, url)
    target = oslo_messaging.Target(topic=topic, server="python")
    server = oslo_messaging.get_rpc_server(transport, target, [Echo()], executor="threading")
    server.start(override_pool_size=threads)
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.read()
    server.stop()
    server.wait()


if __name__ == "__main__":
    main()
