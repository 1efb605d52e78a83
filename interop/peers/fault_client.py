"""An RPC client that keeps calling, casting and fanning out, and tells how each ended.

Options: url, name (first part of ids), topics, timeout, pause (of a method, in seconds), callers
(threads for each topic), and those of configuration.py.
Events: {"e": "made", "id", "t"} before a message is made, {"e": "ended", "id", "t", "outcome"}
when it has ended: "ok", "wrong" for an answer to something else, or the name of the exception.
Commands:
  start   round    makes load; ids are name/topic/kind/round.number
  quiet            makes no more
  drain   seconds  waits until nothing is in flight -> {"in_flight": count}
  stop
"""

import itertools
import os
import threading
import time

import oslo_messaging

import configuration
import peer

# Seconds between the casts and between the fanouts of a topic, and after each call of a thread.
PAUSES = {'cast': 0.1, 'fanout': 0.4, 'call': 0.15}


class Client:
    def __init__(self, options):
        self.options = options
        conf = configuration.load(options)
        self.transport = oslo_messaging.get_rpc_transport(conf, url=options['url'])
        # One that takes another's place in a round makes other ids.
        self.numbers = itertools.count(os.getpid() * 1_000_000)
        self.round = None
        self.in_flight = 0
        self.changed = threading.Condition()
        for topic in options['topics']:
            for kind, threads in (('call', options.get('callers', 6)), ('cast', 1), ('fanout', 1)):
                for _ in range(threads):
                    arguments = (topic, kind)
                    threading.Thread(target=self.keep, args=arguments, daemon=True).start()

    def keep(self, topic, kind):
        target = oslo_messaging.Target(topic=topic, fanout=kind == 'fanout')
        client = oslo_messaging.get_rpc_client(
            self.transport, target, timeout=self.options['timeout']
        )
        act = client.call if kind == 'call' else client.cast
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.round is not None)
                self.in_flight += 1
                number = f'{self.round}.{next(self.numbers)}'
            identity = f'{self.options["name"]}/{topic}/{kind}/{number}'
            peer.say(e='made', id=identity, t=time.time())
            outcome = self.one(act, kind, identity)
            peer.say(e='ended', id=identity, t=time.time(), outcome=outcome)
            with self.changed:
                self.in_flight -= 1
                self.changed.notify_all()
            time.sleep(PAUSES[kind])

    def one(self, act, kind, identity):
        try:
            answer = act({}, 'work', id=identity, pause=self.options['pause'])
        except Exception as error:
            return type(error).__name__
        return 'ok' if kind != 'call' or answer == identity else 'wrong'

    def start(self, command):
        with self.changed:
            self.round = command['round']
            self.changed.notify_all()

    def quiet(self, _):
        with self.changed:
            self.round = None

    def drain(self, command):
        with self.changed:
            self.changed.wait_for(lambda: self.in_flight == 0, command['seconds'])
            return {'in_flight': self.in_flight}


def main():
    client = Client(peer.options())
    peer.say(ready=True)
    peer.converse(
        {'start': client.start, 'quiet': client.quiet, 'drain': client.drain},
        client.transport.cleanup,
    )


if __name__ == '__main__':
    main()
