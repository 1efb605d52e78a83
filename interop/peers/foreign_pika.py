"""pika, with its blocking connection."""

import time as clock

import pika
from pika import exceptions

from foreign import LIMIT, Refused


def connect(url, heartbeat):
    parameters = pika.URLParameters(url)
    parameters.heartbeat = heartbeat
    return Connection(pika.BlockingConnection(parameters))


# Types of header values that it can't write.
UNKNOWN = ('float',)


def time(value):
    """A time in a header, as it comes back."""
    return value


class Connection:
    def __init__(self, connection):
        self.connection = connection

    def channel(self):
        return Channel(self.connection)

    def idle(self, seconds):
        self.connection.sleep(seconds)

    def close(self):
        self.connection.close()


def told(method):
    """What the broker refuses, as the round knows it."""

    def wrapped(*args, **kwargs):
        try:
            return method(*args, **kwargs)
        except exceptions.ChannelClosedByBroker as closed:
            raise Refused(closed.reply_code, closed.reply_text) from closed

    return wrapped


class Channel:
    def __init__(self, connection):
        self.connection = connection
        self.channel = connection.channel()
        self.channel.confirm_delivery()
        self.came = []
        self.channel.add_on_cancel_callback(lambda _: self.came.append(None))

    @told
    def declare_exchange(self, name, kind, passive=False, durable=False, auto_delete=False):
        self.channel.exchange_declare(name, kind, passive=passive, durable=durable, auto_delete=auto_delete)

    @told
    def delete_exchange(self, name, if_unused=False):
        self.channel.exchange_delete(name, if_unused=if_unused)

    @told
    def bind_exchange(self, destination, source, key):
        self.channel.exchange_bind(destination, source, key)

    @told
    def declare_queue(self, name, passive=False, durable=False, exclusive=False, auto_delete=False, arguments=None):
        answer = self.channel.queue_declare(
            name,
            passive=passive,
            durable=durable,
            exclusive=exclusive,
            auto_delete=auto_delete,
            arguments=arguments,
        ).method
        return answer.queue, answer.message_count, answer.consumer_count

    @told
    def delete_queue(self, name, if_unused=False, if_empty=False):
        return self.channel.queue_delete(name, if_unused=if_unused, if_empty=if_empty).method.message_count

    @told
    def purge_queue(self, name):
        return self.channel.queue_purge(name).method.message_count

    @told
    def bind_queue(self, queue, exchange, key, arguments=None):
        self.channel.queue_bind(queue, exchange, key, arguments=arguments)

    @told
    def unbind_queue(self, queue, exchange, key):
        self.channel.queue_unbind(queue, exchange, key)

    @told
    def publish(self, exchange, key, body, properties=None, mandatory=False):
        properties = pika.BasicProperties(**(properties or {}))
        try:
            self.channel.basic_publish(exchange, key, body, properties, mandatory=mandatory)
        except exceptions.UnroutableError as error:
            (returned,) = error.messages
            method = returned.method
            return method.reply_code, method.reply_text, method.routing_key, returned.body
        except exceptions.NackError:
            return 'nacked'
        return 'confirmed'

    def qos(self, prefetch):
        self.channel.basic_qos(prefetch_count=prefetch)

    @told
    def consume(self, queue, tag, no_ack=False, exclusive=False):
        def came(_, method, properties, body):
            self.came.append(described(method, properties, body))

        self.channel.basic_consume(queue, came, auto_ack=no_ack, exclusive=exclusive, consumer_tag=tag)

    def cancel(self, tag):
        self.channel.basic_cancel(tag)

    def next(self):
        deadline = clock.monotonic() + LIMIT
        while not self.came:
            assert clock.monotonic() < deadline, 'nothing came'
            self.connection.process_data_events(time_limit=0.1)
        return self.came.pop(0)

    def get(self, queue):
        method, properties, body = self.channel.basic_get(queue)
        if method is None:
            return None
        return {**described(method, properties, body), 'left': method.message_count}

    def ack(self, delivery, multiple=False):
        self.channel.basic_ack(delivery['tag'], multiple)

    def nack(self, delivery, multiple=False, requeue=True):
        self.channel.basic_nack(delivery['tag'], multiple, requeue)

    def reject(self, delivery, requeue):
        self.channel.basic_reject(delivery['tag'], requeue)

    @told
    def ack_unknown(self, tag):
        self.channel.basic_ack(tag)
        self.channel.basic_qos(prefetch_count=1)

    def close(self):
        self.channel.close()


def described(method, properties, body):
    return {
        'tag': method.delivery_tag,
        'redelivered': method.redelivered,
        'exchange': method.exchange,
        'routing_key': method.routing_key,
        'properties': vars(properties),
        'body': body,
    }
