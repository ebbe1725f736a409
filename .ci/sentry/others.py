"""Asks one wheel of another project what it makes of our bytes; a process of its own, for two versions can't share one.

    python3 others.py sdk FILE...    a line of JSON for each envelope: "identical", the payloads it read, or {"error"}
    python3 others.py relay          for each event in a line of JSON on stdin: the normalised one, or {"error"}
"""

import json
import sys


def sdk(file):
    """The envelope there and back through sentry-sdk."""
    from sentry_sdk.envelope import Envelope

    data = open(file, "rb").read()
    envelope = Envelope.deserialize(data)
    if envelope.serialize() == data:
        return "identical"
    return [[item.type, item.payload.get_bytes().decode()] for item in envelope.items]


def relay(line):
    """The event as a Relay that knows no other limits would store it; with what it complains about in `_meta`."""
    from sentry_relay.processing import StoreNormalizer

    ages = 10**9
    normalizer = StoreNormalizer(max_secs_in_past=ages, max_secs_in_future=ages, remove_other=True, enable_trimming=True)
    return normalizer.normalize_event(json.loads(line))


if __name__ == "__main__":
    ask, questions = (sdk, sys.argv[2:]) if sys.argv[1] == "sdk" else (relay, sys.stdin)
    for question in questions:
        try:
            answer = ask(question)
        except Exception as error:  # whatever it does not like is the answer
            answer = {"error": f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"}
        print(json.dumps(answer))
