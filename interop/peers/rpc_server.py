"""An RPC server of oslo.messaging with the threading executor.

Options: url, topic, server, exchange, namespace, version, legacy_namespaces, access_policy
(default|explicit|legacy), and those of configuration.py.
Commands: stats (calls per method), seen (the last contexts), stop.

There are always two endpoints: one without a namespace in version 1.5, and one of the namespace
`namespaced` in version 2.1; the options `namespace` and `version` add a third.
"""

import collections
import threading
import time

import oslo_messaging
from oslo_messaging import rpc

import configuration
import peer


class CustomError(Exception):
    """An error of a module that Rust does not know, with keyword arguments."""

    def __init__(self, message=None, **kwargs):
        self.kwargs = kwargs
        super().__init__(message % kwargs if kwargs else message)


class Record:
    """What was called: counts and the last contexts."""

    def __init__(self):
        self.lock = threading.Lock()
        self.calls = collections.Counter()
        self.contexts = collections.deque(maxlen=100)

    def add(self, method, ctxt):
        with self.lock:
            self.calls[method] += 1
            self.contexts.append({'method': method, 'ctxt': dict(ctxt)})


class Endpoint:
    """The methods that every namespace has."""

    def __init__(self, record, name, target):
        self.record, self.name, self.target = record, name, target

    def echo(self, ctxt, value=None):
        self.record.add('echo', ctxt)
        return value

    def add(self, ctxt, a, b):
        self.record.add('add', ctxt)
        return a + b

    def none(self, ctxt):
        self.record.add('none', ctxt)

    def slow(self, ctxt, seconds, value=None):
        self.record.add('slow', ctxt)
        time.sleep(seconds)
        return value

    def whoami(self, ctxt):
        self.record.add('whoami', ctxt)
        return {'endpoint': self.name, 'ctxt': dict(ctxt)}

    def optional(self, ctxt, a, b='default'):
        self.record.add('optional', ctxt)
        return [a, b]

    def zoo(self, ctxt):
        """One value of every JSON type, those at the edges included."""
        self.record.add('zoo', ctxt)
        return {
            'null': None,
            'true': True,
            'int': 7,
            'negative': -7,
            'big': 2**53 + 1,
            'huge': 2**80,
            'float': 0.1,
            'exponent': 1e300,
            'text': 'snow \u2603 and \U0001f984, "quoted" \\ \n\t\x01',
            'empty': '',
            'list': [1, [2, [3]], {}],
            'tuple': (1, 2),
            'object': {'a': {'b': {'c': None}}},
            'numeric keys': {1: 'one'},
        }

    def fail(self, ctxt, kind='value', message='it failed'):
        self.record.add('fail', ctxt)
        raise {
            'value': ValueError(message),
            'type': TypeError(message),
            'key': KeyError(message),
            'runtime': RuntimeError(message),
            'two': ValueError(message, 2),
            'custom': CustomError(message),
            'kwargs': CustomError(message + ' %(what)s', what='thing', code=42),
            'timeout': oslo_messaging.MessagingTimeout(message),
        }[kind]

    @rpc.expose
    def exposed(self, ctxt):
        self.record.add('exposed', ctxt)
        return 'exposed'

    @rpc.expected_exceptions(ValueError)
    def expected(self, ctxt, message='as expected'):
        self.record.add('expected', ctxt)
        raise ValueError(message)

    def _private(self, ctxt):
        self.record.add('_private', ctxt)

    not_callable = 7


POLICIES = {
    'default': rpc.DefaultRPCAccessPolicy,
    'legacy': rpc.LegacyRPCAccessPolicy,
    'explicit': rpc.ExplicitRPCAccessPolicy,
}


def main():
    options = peer.options()
    conf = configuration.load(options)
    transport = oslo_messaging.get_rpc_transport(conf, url=options['url'])
    record = Record()
    target = oslo_messaging.Target(
        topic=options['topic'], server=options['server'], exchange=options.get('exchange')
    )
    endpoints = [
        Endpoint(record, 'plain', oslo_messaging.Target(version='1.5')),
        Endpoint(
            record, 'namespaced', oslo_messaging.Target(namespace='namespaced', version='2.1')
        ),
    ]
    if 'namespace' in options or 'version' in options:
        extra = oslo_messaging.Target(
            namespace=options.get('namespace'),
            version=options.get('version'),
            legacy_namespaces=options.get('legacy_namespaces'),
        )
        endpoints.append(Endpoint(record, 'extra', extra))
    server = oslo_messaging.get_rpc_server(
        transport,
        target,
        endpoints,
        executor='threading',
        access_policy=POLICIES[options.get('access_policy', 'default')],
    )
    server.start()

    def at_end():
        server.stop()
        server.wait()
        transport.cleanup()

    peer.say(ready=True)
    peer.converse(
        {
            'stats': lambda _: {'calls': dict(record.calls)},
            'seen': lambda _: {'contexts': list(record.contexts)},
        },
        at_end,
    )


if __name__ == '__main__':
    main()
