"""What all peers share: options from the command line, and a conversation in lines of JSON."""

import json
import sys
import threading
import traceback

_writing = threading.Lock()


def options():
    """The JSON object of the first argument."""
    return json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}


def say(**line):
    """Writes one line."""
    text = json.dumps(line, default=repr)
    with _writing:
        sys.stdout.write(text + '\n')
        sys.stdout.flush()


def converse(handlers, at_end):
    """Answers commands until `stop` or the end of the input.

    Each command runs in a thread of its own, so that answers may overtake each other.
    """

    def answer(command):
        number = command.get('id')
        try:
            result = handlers[command['op']](command) or {}
        except Exception as error:
            traceback.print_exc()
            result = {'error': {'type': type(error).__name__, 'str': str(error)}}
        say(id=number, **result)

    for line in sys.stdin:
        command = json.loads(line)
        if command.get('op') == 'stop':
            at_end()
            say(id=command.get('id'), stopped=True)
            return
        threading.Thread(target=answer, args=(command,), daemon=True).start()
    at_end()
