"""Names by oslo.messaging's queue manager: queue_names.py HOST PROCESS LOCK_PATH COUNT [hold]

Prints COUNT names, one a line. With `hold` it then takes the manager's lock, prints `held`, and frees it
when its input ends.
"""

import sys

from oslo_concurrency import lockutils
from oslo_messaging._drivers import amqpdriver


def main():
    host, process, lock_path, count, *hold = sys.argv[1:]
    lockutils.set_defaults(lock_path)
    manager = amqpdriver.QManager(host, process)
    for _ in range(int(count)):
        print(manager.get(), flush=True)
    if hold:
        with lockutils.external_lock(f'oslo_read_shm_{host}_{process}'):
            print('held', flush=True)
            sys.stdin.read()


if __name__ == '__main__':
    main()
