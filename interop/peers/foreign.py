"""AMQP clients that others have written: each plays the same round on whatever broker it is given.

Arguments: pika, kombu or aio_pika; amqp://user:password@host:port/vhost. Prints the name of each part that passed.
The clients' own words are in foreign_pika.py and its neighbours.
"""

import datetime
import decimal
import importlib
import sys
import time
import urllib.parse

# Seconds that anything may take that must happen.
LIMIT = 15


class Refused(Exception):
    """What a channel was closed with."""

    def __init__(self, code, text):
        super().__init__(code, text)
        self.code = code
        self.text = text


class Round:
    def __init__(self, client, url):
        self.client = client
        self.url = url
        self.vhost = urllib.parse.unquote(urllib.parse.urlsplit(url).path[1:])

    def opened(self, heartbeat=30):
        connection = self.client.connect(self.url, heartbeat)
        return connection, connection.channel()

    def refused(self, code, text, action):
        try:
            result = action()
        except Refused as refused:
            text = text.replace('VHOST', f"in vhost '{self.vhost}'")
            equal((refused.code, refused.text), (code, text))
        else:
            raise AssertionError(f'{text}: not refused, but {result!r}')

    def logins_are_checked_and_connections_close_in_order(self):
        url = urllib.parse.urlsplit(self.url)
        host = url.netloc.rpartition('@')[2]
        for wrong in (
            url._replace(netloc=f'{url.username}:wrong@{host}'),
            url._replace(netloc=f'nobody:wrong@{host}'),
            url._replace(path='/nowhere'),
        ):
            try:
                self.client.connect(wrong.geturl(), 30)
            except Exception:
                continue
            raise AssertionError(f'{wrong.geturl()}: not refused')
        connection, first = self.opened()
        second = connection.channel()
        first.close()
        third = connection.channel()
        second.declare_queue('q-login')
        equal(counts(third, 'q-login'), (0, 0))
        connection.close()
        connection, channel = self.opened()
        equal(channel.delete_queue('q-login'), 0)
        connection.close()

    def messages_go_where_the_four_kinds_of_exchange_say(self):
        connection, channel = self.opened()
        for kind in ('direct', 'topic', 'fanout', 'headers'):
            channel.declare_exchange(f'by-{kind}', kind)
            channel.declare_exchange(f'by-{kind}', kind)
            channel.declare_exchange(f'by-{kind}', kind, passive=True)
        for queue in ('one', 'two'):
            channel.declare_queue(queue)
        for queue, exchange, key, arguments in (
            ('one', 'by-direct', 'red', None),
            ('two', 'by-direct', 'blue', None),
            ('one', 'by-topic', '*.red.#', None),
            ('two', 'by-topic', '#', None),
            ('one', 'by-fanout', '', None),
            ('two', 'by-fanout', 'ignored', None),
            ('one', 'by-headers', '', {'x-match': 'all', 'a': 1}),
            ('two', 'by-headers', '', {'x-match': 'any', 'a': 2, 'b': 'x'}),
        ):
            channel.bind_queue(queue, exchange, key, arguments)
        for exchange, key, headers, expected in (
            ('by-direct', 'red', None, ['one']),
            ('by-direct', 'blue', None, ['two']),
            ('by-topic', 'a.red', None, ['one', 'two']),
            ('by-topic', 'red', None, ['two']),
            ('by-fanout', 'any', None, ['one', 'two']),
            ('by-headers', '', {'a': 1, 'b': 'y'}, ['one']),
            ('by-headers', '', {'a': 2, 'b': 'y'}, ['two']),
            ('by-headers', '', {'a': 1, 'b': 'x'}, ['one', 'two']),
            ('amq.direct', 'none', None, []),
        ):
            properties = {'headers': headers} if headers else {}
            equal(channel.publish(exchange, key, b'x', properties), 'confirmed')
            got = []
            for queue in ('one', 'two'):
                delivery = channel.get(queue)
                if delivery is not None:
                    equal((delivery['exchange'], delivery['routing_key']), (exchange, key))
                    channel.ack(delivery)
                    got.append(queue)
            equal(got, expected)
        channel.bind_exchange('by-fanout', 'by-direct', 'green')
        channel.publish('by-direct', 'green', b'x')
        channel.unbind_queue('two', 'by-fanout', 'ignored')
        channel.publish('by-direct', 'green', b'x')
        equal((counts(channel, 'one'), counts(channel, 'two')), ((2, 0), (1, 0)))
        for kind in ('direct', 'topic', 'fanout', 'headers'):
            channel.delete_exchange(f'by-{kind}')
        connection.close()

    def declarations_tell_what_is_there(self):
        connection, channel = self.opened()
        equal(channel.declare_queue('d', durable=True), ('d', 0, 0))
        send(channel, 'd', 'a', 'b', 'c')
        equal(channel.declare_queue('d', durable=True), ('d', 3, 0))
        equal(channel.purge_queue('d'), 3)
        send(channel, 'd', 'a', 'b')
        equal(channel.delete_queue('d'), 2)
        equal(channel.delete_queue('d'), 0)
        first, _, _ = channel.declare_queue('', exclusive=True)
        second, _, _ = channel.declare_queue('', exclusive=True)
        assert first.startswith('amq.gen-') and first != second, (first, second)
        for kind in ('direct', 'topic', 'fanout', 'headers', 'match'):
            channel.declare_exchange(f'amq.{kind}', kind, passive=True)
        connection.close()

    def publishes_are_confirmed_and_those_without_a_queue_return(self):
        connection, channel = self.opened()
        channel.declare_queue('c')
        equal(channel.publish('', 'c', b'kept', mandatory=True), 'confirmed')
        lost = channel.publish('', 'nothing', b'lost', mandatory=True)
        equal(lost, (312, 'NO_ROUTE', 'nothing', b'lost'))
        equal(channel.publish('', 'nothing', b'lost'), 'confirmed')
        equal(channel.publish('', 'c', b'kept', {'delivery_mode': 2}, mandatory=True), 'confirmed')
        arguments = {'x-max-length': 1, 'x-overflow': 'reject-publish'}
        channel.declare_queue('full-c', arguments=arguments)
        equal(channel.publish('', 'full-c', b'first'), 'confirmed')
        equal(channel.publish('', 'full-c', b'second'), 'nacked')
        equal((counts(channel, 'c'), counts(channel, 'full-c')), ((2, 0), (1, 0)))
        connection.close()

    def deliveries_are_settled_one_by_one_and_together(self):
        connection, channel = self.opened()
        channel.declare_queue('s')
        channel.consume('s', 'tag')
        send(channel, 's', '0', '1', '2', '3', '4', '5')
        got = [channel.next() for _ in range(6)]
        equal([delivery['body'] for delivery in got], [b'0', b'1', b'2', b'3', b'4', b'5'])
        assert not any(delivery['redelivered'] for delivery in got), got
        channel.ack(got[1], multiple=True)
        channel.reject(got[2], requeue=False)
        channel.nack(got[3], requeue=False)
        channel.nack(got[5], multiple=True, requeue=True)
        again = [channel.next() for _ in range(2)]
        equal([delivery['body'] for delivery in again], [b'4', b'5'])
        assert all(delivery['redelivered'] for delivery in again), again
        channel.reject(again[0], requeue=True)
        last = channel.next()
        equal((last['body'], last['redelivered']), (b'4', True))
        channel.ack(last, multiple=True)
        channel.close()
        channel = connection.channel()
        equal(counts(channel, 's'), (0, 0))
        channel.consume('s', 'tag', no_ack=True)
        send(channel, 's', 'a', 'b')
        equal([channel.next()['body'] for _ in range(2)], [b'a', b'b'])
        channel.close()
        equal(counts(connection.channel(), 's'), (0, 0))
        connection.close()

    def prefetch_bounds_what_is_not_acknowledged(self):
        connection, channel = self.opened()
        channel.declare_queue('p')
        channel.qos(2)
        channel.consume('p', 'tag')
        send(channel, 'p', '0', '1', '2', '3', '4')
        first, second = channel.next(), channel.next()
        equal((first['body'], second['body']), (b'0', b'1'))
        equal(counts(channel, 'p'), (3, 1))
        channel.ack(first)
        third = channel.next()
        equal(counts(channel, 'p'), (2, 1))
        channel.ack(third, multiple=True)
        equal([channel.next()['body'] for _ in range(2)], [b'3', b'4'])
        equal(counts(channel, 'p'), (0, 1))
        connection.close()

    def messages_are_fetched_with_the_count_of_those_left(self):
        connection, channel = self.opened()
        channel.declare_queue('g')
        equal(channel.get('g'), None)
        send(channel, 'g', 'a', 'b', 'c')
        got = [channel.get('g') for _ in range(3)]
        equal([delivery['body'] for delivery in got], [b'a', b'b', b'c'])
        equal([delivery['left'] for delivery in got], [2, 1, 0])
        channel.reject(got[1], requeue=True)
        again = channel.get('g')
        equal((again['body'], again['redelivered'], again['left']), (b'b', True, 0))
        channel.ack(again, multiple=True)
        equal(counts(channel, 'g'), (0, 0))
        connection.close()

    def a_cancelled_consumer_leaves_messages_to_others(self):
        connection, channel = self.opened()
        other = connection.channel()
        channel.declare_queue('k')
        channel.consume('k', 'tag')
        send(channel, 'k', 'a')
        first = channel.next()
        channel.cancel('tag')
        other.consume('k', 'tag')
        send(channel, 'k', 'b')
        equal(other.next()['body'], b'b')
        channel.reject(first, requeue=True)
        again = other.next()
        equal((again['body'], again['redelivered']), (b'a', True))
        other.ack(again, multiple=True)
        equal(counts(channel, 'k'), (0, 1))
        connection.close()

    def a_deleted_queue_ends_its_consumers(self):
        connection, channel = self.opened()
        other_connection, other = self.opened()
        channel.declare_queue('e')
        channel.consume('e', 'tag')
        send(other, 'e', 'a')
        equal(channel.next()['body'], b'a')
        equal(other.delete_queue('e'), 0)
        equal(channel.next(), None)
        # The channel goes on.
        channel.declare_queue('e')
        equal(counts(channel, 'e'), (0, 0))
        other_connection.close()
        connection.close()

    def what_a_channel_leaves_unsettled_comes_again(self):
        connection, channel = self.opened()
        channel.declare_queue('u')
        send(channel, 'u', 'a', 'b', 'c')
        first = channel.get('u')
        channel.get('u')
        channel.ack(first)
        channel.close()
        second_connection, channel = self.opened()
        again = channel.get('u')
        equal((again['body'], again['redelivered'], again['left']), (b'b', True, 1))
        again = channel.get('u')
        equal((again['body'], again['redelivered'], again['left']), (b'c', False, 0))
        second_connection.close()
        equal(counts(connection.channel(), 'u'), (2, 0))
        connection.close()

    def exclusive_and_automatic_queues_go_with_their_owners(self):
        owner, channel = self.opened()
        connection, other = self.opened()
        channel.declare_queue('mine', exclusive=True)
        locked = (
            "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' VHOST. It could be originally "
            'declared on another connection or the exclusive property value does not match that of the original '
            'declaration.'
        )
        self.refused(405, locked, lambda: other.declare_queue('mine', passive=True))
        owner.close()
        other = connection.channel()
        gone = "NOT_FOUND - no queue 'mine' VHOST"
        self.refused(404, gone, lambda: other.declare_queue('mine', passive=True))
        channel = connection.channel()
        channel.declare_queue('auto', auto_delete=True)
        channel.consume('auto', 'tag', exclusive=True)
        other = connection.channel()
        busy = "ACCESS_REFUSED - queue 'auto' VHOST in exclusive use"
        self.refused(403, busy, lambda: other.consume('auto', 'other'))
        channel.cancel('tag')
        other = connection.channel()
        gone = "NOT_FOUND - no queue 'auto' VHOST"
        self.refused(404, gone, lambda: other.declare_queue('auto', passive=True))
        connection.close()

    def a_refusal_closes_its_channel_and_nothing_else(self):
        connection, witness = self.opened()
        witness.declare_queue('q')
        witness.declare_queue('full')
        witness.declare_exchange('direct', 'direct')
        witness.bind_queue('q', 'direct', 'k')
        witness.consume('q', 'tag')
        send(witness, 'full', 'x')
        no_queue = "NOT_FOUND - no queue 'none' VHOST"
        no_exchange = "NOT_FOUND - no exchange 'none' VHOST"
        failed = 'PRECONDITION_FAILED - '
        for code, text, action in (
            (404, no_queue, lambda c: c.declare_queue('none', passive=True)),
            (404, no_queue, lambda c: c.purge_queue('none')),
            (404, no_queue, lambda c: c.consume('none', 'tag')),
            (404, no_queue, lambda c: c.bind_queue('none', 'direct', '')),
            (404, no_exchange, lambda c: c.bind_queue('q', 'none', '')),
            (404, no_exchange, lambda c: c.publish('none', 'k', b'x')),
            (
                406,
                failed + "inequivalent arg 'durable' for queue 'q' VHOST: received 'true' but current is 'false'",
                lambda c: c.declare_queue('q', durable=True),
            ),
            (
                406,
                failed + "inequivalent arg 'type' for exchange 'direct' VHOST: received 'topic' but current is "
                "'direct'",
                lambda c: c.declare_exchange('direct', 'topic'),
            ),
            (
                403,
                "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
                lambda c: c.declare_exchange('amq.mine', 'direct'),
            ),
            (406, failed + "exchange 'direct' VHOST in use", lambda c: c.delete_exchange('direct', if_unused=True)),
            (406, failed + "queue 'q' VHOST in use", lambda c: c.delete_queue('q', if_unused=True)),
            (406, failed + "queue 'full' VHOST not empty", lambda c: c.delete_queue('full', if_empty=True)),
            (406, failed + 'unknown delivery tag 7', lambda c: c.ack_unknown(7)),
        ):
            channel = connection.channel()
            self.refused(code, text, lambda: action(channel))
            equal(witness.publish('', 'q', b'still here'), 'confirmed')
            delivery = witness.next()
            equal(delivery['body'], b'still here')
            witness.ack(delivery)
        connection.close()

    def bodies_of_any_size_arrive_whole(self):
        connection, channel = self.opened()
        channel.declare_queue('b')
        frame = 131072 - 8
        for size in (0, 1, frame - 1, frame, frame + 1, 2 * frame, 3_000_000):
            body = (bytes(range(251)) * (size // 251 + 1))[:size]
            equal(channel.publish('', 'b', body), 'confirmed')
            delivery = channel.get('b')
            assert delivery['body'] == body, (size, len(delivery['body']))
            channel.ack(delivery)
        connection.close()

    def properties_and_headers_of_every_type_come_back(self):
        connection, channel = self.opened()
        channel.declare_queue('h')
        properties = {
            'content_type': 'application/json',
            'content_encoding': 'utf-8',
            'headers': {
                'true': True,
                'false': False,
                'byte': 7,
                'negative': -7,
                'int': -320_000,
                'long': 2**62,
                'float': 0.25,
                'text': 'snow \u2603',
                'empty': '',
                'decimal': decimal.Decimal('0.05'),
                'time': self.client.time(datetime.datetime(2026, 11, 22, tzinfo=datetime.timezone.utc)),
                'none': None,
                'table': {'deep': {'deeper': [1, {'a': None}]}},
                'array': ['a', 1, True, [], {}],
            },
            'delivery_mode': 2,
            'priority': 7,
            'correlation_id': 'correlation',
            'reply_to': 'replies',
            'expiration': '600000',
            'message_id': 'id',
            'type': 'kind',
            'user_id': urllib.parse.urlsplit(self.url).username,
            'app_id': 'app',
        }
        for name in self.client.UNKNOWN:
            del properties['headers'][name]
        equal(channel.publish('', 'h', b'x', properties), 'confirmed')
        got = channel.get('h')
        equal({name: got['properties'].get(name) for name in properties}, properties)
        connection.close()

    def what_expires_or_is_refused_is_dead_lettered(self):
        connection, channel = self.opened()
        channel.declare_queue('dead')
        channel.consume('dead', 'tag')
        dead = {'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead'}
        channel.declare_queue('ttl', arguments={'x-message-ttl': 50, **dead})
        channel.declare_queue('slow', arguments=dead)
        send(channel, 'ttl', 'late')
        late = channel.next()
        equal((late['body'], late['routing_key']), (b'late', 'dead'))
        death = late['properties']['headers']['x-death'][0]
        equal(
            {name: death[name] for name in ('queue', 'exchange', 'reason', 'count', 'routing-keys')},
            {'queue': 'ttl', 'exchange': '', 'reason': 'expired', 'count': 1, 'routing-keys': ['ttl']},
        )
        equal(late['properties']['headers']['x-first-death-reason'], 'expired')
        equal(channel.publish('', 'slow', b'short', {'expiration': '50'}), 'confirmed')
        short = channel.next()
        equal((short['body'], short['properties'].get('expiration')), (b'short', None))
        equal(short['properties']['headers']['x-death'][0]['original-expiration'], '50')
        send(channel, 'slow', 'unwanted')
        channel.reject(channel.get('slow'), requeue=False)
        unwanted = channel.next()
        equal((unwanted['body'], unwanted['properties']['headers']['x-death'][0]['reason']), (b'unwanted', 'rejected'))
        connection.close()

    def heartbeats_keep_an_idle_connection(self):
        connection, channel = self.opened(heartbeat=1)
        channel.declare_queue('beat')
        connection.idle(4.5)
        equal(counts(channel, 'beat'), (0, 0))
        connection.close()


def equal(got, expected):
    assert got == expected, f'{got!r} is not {expected!r}'


def counts(channel, queue):
    name, messages, consumers = channel.declare_queue(queue, passive=True)
    equal(name, queue)
    return messages, consumers


def send(channel, queue, *bodies):
    for body in bodies:
        equal(channel.publish('', queue, body.encode()), 'confirmed')


def main():
    client = importlib.import_module(f'foreign_{sys.argv[1]}')
    round = Round(client, sys.argv[2])
    names = [name for name in vars(Round) if not name.startswith('_') and name not in ('opened', 'refused')]
    for name in names:
        start = time.monotonic()
        getattr(round, name)()
        print('passed', name, f'{time.monotonic() - start:.1f} s')


if __name__ == '__main__':
    # The clients import what is here by the module's own name.
    sys.modules['foreign'] = sys.modules['__main__']
    main()
