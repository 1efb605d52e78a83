"""The Python peer of the benchmark of notifications: closed loops of confirmed events.

Usage: notifier.py URL TOPIC
Speaks as rpc_client.py does, with the mode "event".
"""

import json
import logging
import sys

import oslo_messaging
from oslo_config import cfg

import rpc_client


class ContextSerializer(oslo_messaging.NoOpSerializer):
    """The notifier itself drops a context that is a plain map."""

    def serialize_context(self, ctxt):
        return rpc_client.CONTEXT


def main():
    # Above 30 threads the library warns at each event that its pool of connections grows.
    logging.disable(logging.WARNING)
    url, topic = sys.argv[1], sys.argv[2]
    conf = cfg.CONF
    conf([], project="bench")
    transport = oslo_messaging.get_notification_transport(conf, url)
    notifier = oslo_messaging.Notifier(
        transport, publisher_id="bench.host-1", driver="messagingv2", topics=[topic],
        serializer=ContextSerializer())

    def send(value):
        notifier.info({}, "bench.event", {"state": "active", "text": value})

    rpc_client.say({"ready": True})
    for line in sys.stdin:
        rpc_client.run(send, json.loads(line))


if __name__ == "__main__":
    main()
