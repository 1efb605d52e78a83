"""aio-pika, its event loop on a thread of its own."""

import asyncio
import threading

import aio_pika
import aiormq

from foreign import LIMIT, Refused

_loop = asyncio.new_event_loop()
threading.Thread(target=_loop.run_forever, daemon=True).start()

CODES = {
    aiormq.exceptions.ChannelAccessRefused: 403,
    aiormq.exceptions.ChannelNotFoundEntity: 404,
    aiormq.exceptions.ChannelLockedResource: 405,
    aiormq.exceptions.ChannelPreconditionFailed: 406,
}


def waited(coroutine):
    """What comes of it; a refusal as the round knows it."""
    try:
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(coroutine, LIMIT), _loop).result()
    except tuple(CODES) as error:
        raise Refused(CODES[type(error)], error.args[-1]) from error


def connect(url, heartbeat):
    return Connection(waited(aio_pika.connect(f'{url}?heartbeat={heartbeat}')))


# Types of header values that it can't write.
UNKNOWN = ()


def time(value):
    """A time in a header, as it comes back."""
    return value


class Connection:
    def __init__(self, connection):
        self.connection = connection

    def channel(self):
        async def open():
            return await self.connection.channel()

        return Channel(waited(open()))

    def idle(self, seconds):
        waited(asyncio.sleep(seconds))

    def close(self):
        waited(self.connection.close())


class Channel:
    def __init__(self, channel):
        self.channel = channel
        self.came = asyncio.Queue()

    def declare_exchange(self, name, kind, passive=False, durable=False, auto_delete=False):
        waited(
            self.channel.declare_exchange(name, kind, passive=passive, durable=durable, auto_delete=auto_delete)
        )

    def delete_exchange(self, name, if_unused=False):
        waited(self.channel.exchange_delete(name, if_unused=if_unused))

    def bind_exchange(self, destination, source, key):
        async def bind():
            exchange = await self.channel.get_exchange(destination, ensure=False)
            await exchange.bind(source, key)

        waited(bind())

    def declare_queue(self, name, passive=False, durable=False, exclusive=False, auto_delete=False, arguments=None):
        queue = waited(
            self.channel.declare_queue(
                name or None,
                passive=passive,
                durable=durable,
                exclusive=exclusive,
                auto_delete=auto_delete,
                arguments=arguments,
            )
        )
        result = queue.declaration_result
        return queue.name, result.message_count, result.consumer_count

    def delete_queue(self, name, if_unused=False, if_empty=False):
        return waited(self.channel.queue_delete(name, if_unused=if_unused, if_empty=if_empty)).message_count

    def purge_queue(self, name):
        return waited(self.on_queue(name, lambda queue: queue.purge())).message_count

    def bind_queue(self, queue, exchange, key, arguments=None):
        waited(self.on_queue(queue, lambda queue: queue.bind(exchange, key, arguments=arguments)))

    def unbind_queue(self, queue, exchange, key):
        waited(self.on_queue(queue, lambda queue: queue.unbind(exchange, key)))

    async def on_queue(self, name, action):
        return await action(await self.channel.get_queue(name, ensure=False))

    def publish(self, exchange, key, body, properties=None, mandatory=False):
        properties = dict(properties or {})
        if 'expiration' in properties:
            properties['expiration'] = int(properties['expiration']) / 1000
        message = aio_pika.Message(body, **properties)

        async def publish():
            if exchange:
                to = await self.channel.get_exchange(exchange, ensure=False)
            else:
                to = self.channel.default_exchange
            return await to.publish(message, key, mandatory=mandatory)

        try:
            result = waited(publish())
        except aio_pika.exceptions.DeliveryError:
            return 'nacked'
        if isinstance(result, aiormq.abc.DeliveredMessage):
            method = result.delivery
            return method.reply_code, method.reply_text, method.routing_key, result.body
        return 'confirmed'

    def qos(self, prefetch):
        waited(self.channel.set_qos(prefetch))

    def consume(self, queue, tag, no_ack=False, exclusive=False):
        async def came(message):
            self.came.put_nowait(described(message))

        async def consume(queue):
            underlay = await self.channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(lambda _: self.came.put_nowait(None))
            await queue.consume(came, no_ack=no_ack, exclusive=exclusive, consumer_tag=tag)

        waited(self.on_queue(queue, consume))

    def cancel(self, tag):
        waited(self.on_queue('', lambda queue: queue.cancel(tag)))

    def next(self):
        return waited(self.came.get())

    def get(self, queue):
        message = waited(self.on_queue(queue, lambda queue: queue.get(fail=False)))
        if message is None:
            return None
        return {**described(message), 'left': message.message_count}

    def ack(self, delivery, multiple=False):
        waited(delivery['message'].ack(multiple))

    def nack(self, delivery, multiple=False, requeue=True):
        waited(delivery['message'].nack(multiple, requeue))

    def reject(self, delivery, requeue):
        waited(delivery['message'].reject(requeue))

    def ack_unknown(self, tag):
        async def ack():
            channel = await self.channel.get_underlay_channel()
            await channel.basic_ack(tag)
            await channel.basic_qos(prefetch_count=1)

        waited(ack())

    def close(self):
        waited(self.channel.close())


def described(message):
    properties = message.info()
    if message.expiration is not None:
        # A difference of times there.
        properties['expiration'] = str(int(message.expiration * 1000))
    return {
        'message': message,
        'redelivered': message.redelivered,
        'exchange': message.exchange,
        'routing_key': message.routing_key,
        'properties': properties,
        'body': message.body,
    }
