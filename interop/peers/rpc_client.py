"""An RPC client of oslo.messaging.

Options: url, exmods (modules whose errors are rebuilt), and those of configuration.py.
Commands:
  call, cast   target {topic, exchange, namespace, version, server, fanout}, method, args, ctxt,
               timeout, call_monitor_timeout, retry, version_cap, at_least_once
               -> {"result": ...} or {"error": {type, module, str, args, kwargs, ...}}, "seconds"
  repeat       a call as above, `count` times from `threads` threads
               -> {"made", "answered", "failed": {type: count}, "seconds"}
  stop
"""

import collections
import concurrent.futures
import time

import oslo_messaging

import configuration
import peer


class Client:
    def __init__(self, options):
        conf = configuration.load(options)
        self.transport = oslo_messaging.get_rpc_transport(
            conf, url=options['url'], allowed_remote_exmods=options.get('exmods')
        )

    def invoke(self, command, kind):
        target = oslo_messaging.Target(**command['target'])
        given = ('timeout', 'retry', 'version_cap', 'call_monitor_timeout')
        more = {name: command[name] for name in given if name in command}
        if 'at_least_once' in command:
            more['transport_options'] = oslo_messaging.TransportOptions(
                at_least_once=command['at_least_once']
            )
        client = oslo_messaging.get_rpc_client(self.transport, target, **more)
        return getattr(client, kind)(
            command.get('ctxt', {}), command['method'], **command.get('args', {})
        )

    def answer(self, command, kind):
        start = time.monotonic()
        try:
            outcome = {'result': self.invoke(command, kind)}
        except Exception as error:
            outcome = {'error': describe(error)}
        return dict(outcome, seconds=time.monotonic() - start)

    def call(self, command):
        return self.answer(command, 'call')

    def cast(self, command):
        return self.answer(command, 'cast')

    def repeat(self, command):
        start = time.monotonic()
        failed = collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(command.get('threads', 8)) as threads:
            calls = [threads.submit(self.call, command) for _ in range(command['count'])]
            for call in calls:
                error = call.result().get('error')
                if error:
                    failed[error['type']] += 1
        return {
            'made': len(calls),
            'answered': len(calls) - failed.total(),
            'failed': dict(failed),
            'seconds': time.monotonic() - start,
        }


def describe(error):
    """An exception as a program sees it: what it is, and what it carries."""
    kind = type(error)
    about = {
        'type': kind.__name__,
        'module': kind.__module__,
        'bases': [base.__name__ for base in kind.__mro__[1:]],
        'str': str(error),
        'args': list(error.args),
        'kwargs': getattr(error, 'kwargs', {}),
    }
    if isinstance(error, oslo_messaging.RemoteError):
        about.update(
            exc_type=error.exc_type, value=error.value, traceback=error.traceback
        )
    return about


def main():
    options = peer.options()
    client = Client(options)
    peer.say(ready=True)
    peer.converse(
        {'call': client.call, 'cast': client.cast, 'repeat': client.repeat},
        client.transport.cleanup,
    )


if __name__ == '__main__':
    main()
