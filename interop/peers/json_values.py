"""Values of Python that JSON has no form for, through oslo.messaging, in both directions.

Options: url, topic, server; the server evaluates what it is asked for.
Methods: evaluate(expression) returns the value; show(value) returns its ascii().
Commands:
  call      topic, method, args {name: expression}, timeout -> {"result": ascii() of the result} or {"error"}
  dumps     expressions -> {"texts": what json.dumps writes}
  rewrite   texts -> {"texts": json.dumps(json.loads(text)) for each}
  stop

Values travel between this program and the test as text, since lines of JSON could not hold them.
"""

import collections
import datetime
import decimal
import enum
import functools
import ipaddress
import json
import uuid

import netaddr
import oslo_messaging

import configuration
import peer


class Number(enum.IntEnum):
    SEVEN = 7


class Name(str, enum.Enum):
    SEVEN = 'seven'


class Mapping:
    """An object that is no dictionary, but has its items."""

    def items(self):
        return [('a', 1)]


def deep(levels):
    """Lists in lists."""
    return functools.reduce(lambda inner, _: [inner], range(levels), 1)


def depth(value):
    levels = 0
    while isinstance(value, list) and value:
        value, levels = value[0], levels + 1
    return levels


NAMES = {
    'Decimal': decimal.Decimal,
    'Mapping': Mapping,
    'Name': Name,
    'Number': Number,
    'UUID': uuid.UUID,
    'collections': collections,
    'datetime': datetime,
    'deep': deep,
    'ipaddress': ipaddress,
    'netaddr': netaddr,
}


def evaluated(expression):
    return eval(expression, dict(NAMES))  # noqa: S307 - the test's own expressions


class Endpoint:
    def evaluate(self, ctxt, expression):
        return evaluated(expression)

    def show(self, ctxt, value):
        return ascii(value)

    def depth(self, ctxt, value):
        return depth(value)


def main():
    options = peer.options()
    conf = configuration.load(options)
    transport = oslo_messaging.get_rpc_transport(conf, url=options['url'])
    target = oslo_messaging.Target(topic=options['topic'], server=options['server'])
    server = oslo_messaging.get_rpc_server(
        transport, target, [Endpoint()], executor='threading'
    )
    server.start()

    def call(command):
        client = oslo_messaging.get_rpc_client(
            transport,
            oslo_messaging.Target(topic=command['topic']),
            timeout=command.get('timeout', 15),
        )
        args = {name: evaluated(text) for name, text in command['args'].items()}
        result = client.call({}, command['method'], **args)
        return {'result': ascii(result), 'depth': depth(result)}

    def dumps(command):
        return {'texts': [json.dumps(evaluated(text)) for text in command['expressions']]}

    def rewrite(command):
        return {'texts': [json.dumps(json.loads(text)) for text in command['texts']]}

    def at_end():
        server.stop()
        server.wait()
        transport.cleanup()

    peer.say(ready=True)
    peer.converse({'call': call, 'dumps': dumps, 'rewrite': rewrite}, at_end)


if __name__ == '__main__':
    main()
