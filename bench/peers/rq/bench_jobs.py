"""The RQ peer's job."""
import python_common


def probe(data):
    python_common.handle(data)
